"""Tables of sending: when, the editions and mailings, who gets what and what became of it, and notices."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from tribune.store.tables.base import Instant, metadata

# -- time ---------------------------------------------------------------------------------------------------

schedules = Table(
    "schedules",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", String(60), nullable=False),
    Column("cadence", String(10), nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("zone", String(60), nullable=False),
    Column("next_due_at", Instant, nullable=False, index=True),
    Column("occasion", String(40), nullable=False),
    Column("last_occasion", String(40), nullable=False, server_default=""),
    Column("tzdata", String(20), nullable=False, index=True),
    UniqueConstraint("digest", "cadence", "weekday", "hour", "zone"),
)

# -- editions, mailings, deliveries -------------------------------------------------------------------------

editions = Table(
    "editions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", String(60), nullable=False),
    Column("cadence", String(10), nullable=False),
    Column("occasion", String(40), nullable=False),
    UniqueConstraint("digest", "cadence", "occasion"),
)
"""`occasion`: the local date (2026-11-23), or for at once the due instant."""

mailings = Table(
    "mailings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("edition_id", Integer, ForeignKey("editions.id")),
    Column("due_at", Instant, nullable=False),
    Column("state", String(20), nullable=False),
    Column("approval", String(20), nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("skipped_empty", Integer, nullable=False, server_default="0"),
    Column("correlation_id", String(64), nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("in_doubt", String(20), nullable=False, server_default=""),
    Column("changes", Integer, nullable=False, server_default="0"),
    Column("paused_at", Instant),
    Column("rested_seconds", Float, nullable=False, server_default="0"),
    Column("totals", JSON(none_as_null=True)),
    Column("aged_at", Instant),
    Column("campaign_id", Integer, ForeignKey("campaigns.id")),
    UniqueConstraint("edition_id", "due_at"),
    CheckConstraint("(edition_id IS NULL) <> (campaign_id IS NULL)", name="of_one"),
    Index("ix_mailings_campaign_id", "campaign_id"),
    Index("ix_mailings_aged_at_finished_at", "aged_at", "finished_at"),
    Index("ix_mailings_state_finished_at", "state", "finished_at"),
)
"""Of an edition, or of a campaign. `in_doubt`: what to do with mails of which nobody knows whether they left; "" leaves
it to the channel's policy. `finished_at` of a cancelled one: when the last of its chunks was closed. `changes` counts
the moves. `totals`: its numbers (locale -> state -> how many), written when its rows begin to age out; `aged_at`: all
are gone."""

signatures = Table(
    "signatures",
    metadata,
    Column("mailing_id", Integer, ForeignKey("mailings.id"), nullable=False),
    Column("signature", Integer, nullable=False),
    Column("locale", String(20), nullable=False),
    Column("content", JSON, nullable=False),
    PrimaryKeyConstraint("mailing_id", "signature"),
    sqlite_with_rowid=False,
)
"""decisions.md's `edition_content`: the ordered fragment keys behind a signature, kept until the ledger ages out."""

chunks = Table(
    "chunks",
    metadata,
    Column("mailing_id", Integer, ForeignKey("mailings.id"), nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("lane", String(20), nullable=False),
    Column("domain_group", String(100), nullable=False),
    Column("locale", String(20), nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("sent_upto", Integer, nullable=False),
    Column("doubt_upto", Integer, nullable=False),
    Column("handovers", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False),
    Column("owner", String(64)),
    Column("lease_until", Instant),
    Column("not_before", Instant),
    PrimaryKeyConstraint("mailing_id", "chunk"),
    Index("ix_chunks_state_not_before", "state", "not_before"),
    Index("ix_chunks_mailing_id_state", "mailing_id", "state"),
)
"""`sent_upto` and `doubt_upto` are counts: places below them are sent / may have been sent. See domain/mailings.py."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("mailing_id", Integer, nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("subscriber_id", Integer, nullable=False),
    Column("signature", Integer, nullable=False),
    PrimaryKeyConstraint("mailing_id", "chunk", "place"),
    sqlite_with_rowid=False,
)
"""Narrow, with one key: a million are written at each planning. No foreign key (the mailing's row is written in the
same transaction; a subscriber may be erased), no second index: `delivery_blocks` finds a person's, and the mark that
moves in the same transaction keeps a person from being served twice (ADR 17)."""

delivery_blocks = Table(
    "delivery_blocks",
    metadata,
    Column("mailing_id", Integer, nullable=False),
    Column("block", Integer, nullable=False),
    Column("members", LargeBinary, nullable=False),
    PrimaryKeyConstraint("mailing_id", "block"),
    Index("ix_delivery_blocks_block_mailing_id", "block", "mailing_id"),
    sqlite_with_rowid=False,
)
"""Where the deliveries of 128 neighbouring subscribers stand in a mailing: tribune/store/delivery_blocks.py."""

delivery_exceptions = Table(
    "delivery_exceptions",
    metadata,
    Column("mailing_id", Integer, nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("code", String(200), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("handovers", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Instant, index=True),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("mailing_id", "chunk", "place"),
    Index("ix_delivery_exceptions_mailing_id_state", "mailing_id", "state"),
    Index(
        "ix_delivery_exceptions_held_back",
        "state",
        "mailing_id",
        "chunk",
        "place",
        sqlite_where=text("state = 'quarantined'"),
        postgresql_where=text("state = 'quarantined'"),
    ),
)
"""Only what is not simply sent: retry, in_doubt (of a retry), failed, suppressed, quarantined, empty. `handovers`, here
and in chunks: how often mails were handed over without anyone learning what became of them."""

at_once_served = Table(
    "at_once_served",
    metadata,
    Column("subscriber_id", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("mailing_id", Integer, nullable=False),
    PrimaryKeyConstraint("subscriber_id", "sequence"),
    Index("ix_at_once_served_mailing_id_subscriber_id", "mailing_id", "subscriber_id"),
    sqlite_with_rowid=False,
)
"""The occurrence key of at once (decisions.md, 13)."""

throttles = Table(
    "throttles",
    metadata,
    Column("channel", String(20), nullable=False),
    Column("domain_group", String(100), nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("rest_until", Instant),
    PrimaryKeyConstraint("channel", "domain_group"),
)
"""When the next mail of a channel (domain group "") or of one of its domain groups may leave, over all workers.
`failures`: how often in a row it was throttled, which lengthens the rest; `rest_until`: none leaves before."""

connection_shares = Table(
    "connection_shares",
    metadata,
    Column("channel", String(20), nullable=False),
    Column("worker", String(120), nullable=False),
    Column("held", Integer, nullable=False),
    Column("until", Instant, nullable=False),
    PrimaryKeyConstraint("channel", "worker"),
)
"""How many of a channel's connections each worker may have, where the settings limit those of all together."""

# -- notices: the transactional lane ------------------------------------------------------------------------

notices = Table(
    "notices",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("subscriber_id", Integer, nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("locale", String(20), nullable=False),
    Column("content", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("code", String(200), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("handovers", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Instant, index=True),
    Column("correlation_id", String(64), nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    Column("settled_at", Instant),
)
"""A mail to one person that must not wait behind mailings: its whole life in one row. `next_attempt_at` is the end of a
sender's lease while it is in doubt, else when it is tried again; empty once it is settled."""
