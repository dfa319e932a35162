"""Every table. Migrations in migrations/ build the same; a test holds that they agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An instant in UTC: TIMESTAMPTZ on PostgreSQL, ISO text that sorts on SQLite. Naive times are refused."""

    impl = String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive time cannot be stored: {value!r}")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else instant_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value)


def instant_text(value: datetime) -> str:
    """The text of an instant on SQLite, for queries that pass the type decorator by."""
    return value.astimezone(UTC).isoformat(timespec="microseconds")


# -- the event log (embedded) and what both logs need ---------------------------------------------------------

log_topics = Table(
    "log_topics",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("partitions", Integer, nullable=False),
    Column("retention_hours", Integer),
)

log_partitions = Table(
    "log_partitions",
    metadata,
    Column("topic", String(100), ForeignKey("log_topics.name"), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    PrimaryKeyConstraint("topic", "partition"),
)

log_messages = Table(
    "log_messages",
    metadata,
    Column("topic", String(100), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("published_at", Instant, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "offset"),
    Index("ix_log_messages_topic_published_at", "topic", "published_at"),
    sqlite_with_rowid=False,
)

log_offsets = Table(
    "log_offsets",
    metadata,
    Column("consumer_group", String(100), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("committed", BigInteger, nullable=False),
    Column("member", String(64)),
    Column("generation", BigInteger, nullable=False, server_default="0"),
    Column("replay_upto", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("consumer_group", "topic", "partition"),
)
"""`committed`: the next offset to read. `generation` rises with each change of owner and each rewind, and fences the
commit of a stale member. Messages below `replay_upto` are read again after a rewind."""

log_retries = Table(
    "log_retries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("consumer_group", String(100), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("published_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("replayed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("not_before", Instant, nullable=False),
    UniqueConstraint("consumer_group", "topic", "partition", "offset"),
    Index("ix_log_retries_consumer_group_not_before", "consumer_group", "not_before"),
    sqlite_autoincrement=True,
)
"""Messages that a group handles again, not before an instant: failed ones, replayed dead letters. Where a message was
first (`topic`, `partition`, `offset`) stays with it; `id` is new with each attempt and never used again."""

log_members = Table(
    "log_members",
    metadata,
    Column("consumer_group", String(100), nullable=False),
    Column("member", String(64), nullable=False),
    Column("topics", Text, nullable=False),
    Column("seen_at", Instant, nullable=False),
    PrimaryKeyConstraint("consumer_group", "member"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("consumer_group", String(100), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("died_at", Instant, nullable=False),
    Column("replayed_at", Instant),
    UniqueConstraint("consumer_group", "topic", "partition", "offset"),
    Index("ix_dead_letters_consumer_group_died_at", "consumer_group", "died_at"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("consumer_group", String(100), nullable=False),
    Column("source", String(300), nullable=False),
    Column("event_id", String(200), nullable=False),
    Column("handled_at", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("consumer_group", "source", "event_id"),
    sqlite_with_rowid=False,
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Numbers given in order of commit: the row stays locked until the transaction ends. `catalogue` is one of them."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("topic", String(100), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("added_at", Instant, nullable=False),
)
"""Events that the relay moves to Kafka. Stays empty beside the embedded log, where adding is the append."""

# -- sources --------------------------------------------------------------------------------------------------

sources = Table(
    "sources",
    metadata,
    Column("source", String(300), primary_key=True),
    Column("etag", Text, nullable=False, server_default=""),
    Column("last_modified", Text, nullable=False, server_default=""),
    Column("mark", Text, nullable=False, server_default=""),
    Column("pulled_at", Instant),
    Column("outcome", Text, nullable=False, server_default=""),
)

source_records = Table(
    "source_records",
    metadata,
    Column("source", String(300), nullable=False),
    Column("record", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    PrimaryKeyConstraint("source", "record"),
)

# -- the catalogue --------------------------------------------------------------------------------------------

items = Table(
    "items",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("version", Integer, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("content", JSON, nullable=False),
    Column("embargo_until", Instant, index=True),
    Column("withdrawn_at", Instant),
    Column("merged_into", Integer, ForeignKey("items.id"), index=True),
    Column("correlation_id", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False, index=True),
)
"""`embargo_until`: when the first of what waits is free. `merged_into`: the item that this one became one with."""

item_records = Table(
    "item_records",
    metadata,
    Column("source", String(300), nullable=False),
    Column("record", Text, nullable=False),
    Column("item_id", Integer, ForeignKey("items.id"), index=True),
    Column("revision", Integer, nullable=False),
    Column("content", JSON, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    PrimaryKeyConstraint("source", "record"),
)
"""What each source last said of a work. `withdrawn` is the tombstone that keeps a late `published` out."""

item_identifiers = Table(
    "item_identifiers",
    metadata,
    Column("scheme", String(10), nullable=False),
    Column("value", String(500), nullable=False),
    Column("item_id", Integer, ForeignKey("items.id"), nullable=False, index=True),
    PrimaryKeyConstraint("scheme", "value"),
)

item_history = Table(
    "item_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("item_id", Integer, ForeignKey("items.id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("event_id", String(200), nullable=False, index=True),
    Column("changed_at", Instant, nullable=False),
    Column("change", String(40), nullable=False),
    Column("content", JSON, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("item_id", Integer, ForeignKey("items.id"), nullable=False, index=True),
    Column("language", String(20), nullable=False),
    Column("released_at", Instant, nullable=False),
    Column("hidden_at", Instant),
)
"""`hidden_at`: no longer visible (withdrawn, or released anew under a later number)."""

# -- the audience ---------------------------------------------------------------------------------------------

people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("address", String(320), nullable=False),
    Column("address_key", String(320), nullable=False, unique=True),
    Column("name", String(300), nullable=False),
)
"""The one table with addresses and names. `address_key` is the address folded for comparison."""

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Integer, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Column("audience_group", String(40), nullable=False),
    Column("languages", String(100), nullable=False),
    Column("fallback", String(10), nullable=False),
    Column("zone", String(60), nullable=False),
    Column("domain_group", String(100), nullable=False),
    Column("status", String(20), nullable=False),
    Column("confirmed_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

WORDS = {"topics": 2, "places": 6, "kinds": 1}
"""63-bit words per mask: room for 125 policy areas, 377 places and 62 kinds (bit 0 of each is "any")."""

mask_columns = tuple(f"{name}_{n}" for name, words in WORDS.items() for n in range(words))

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subscriber_id", Integer, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("digest", String(60), nullable=False),
    Column("cadence", String(10), nullable=False),
    Column("choice", JSON, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in mask_columns),
)

rhythms = Table(
    "rhythms",
    metadata,
    Column("subscriber_id", Integer, ForeignKey("subscribers.id"), nullable=False),
    Column("digest", String(60), nullable=False),
    Column("cadence", String(10), nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("zone", String(60), nullable=False),
    Column("stopped_at", Instant),
    PrimaryKeyConstraint("subscriber_id", "digest", "cadence"),
    Index("ix_rhythms_cohort", "digest", "cadence", "zone", "hour", "weekday"),
    sqlite_with_rowid=False,
)

marks = Table(
    "marks",
    metadata,
    Column("subscriber_id", Integer, ForeignKey("subscribers.id"), nullable=False),
    Column("digest", String(60), nullable=False),
    Column("cadence", String(10), nullable=False),
    Column("mark", BigInteger, nullable=False),
    Column("last_date", Date),
    PrimaryKeyConstraint("subscriber_id", "digest", "cadence"),
    sqlite_with_rowid=False,
)
"""What a person has had: a narrow table of its own, written at each planning."""

carry_overs = Table(
    "carry_overs",
    metadata,
    Column("subscriber_id", Integer, ForeignKey("subscribers.id"), nullable=False),
    Column("digest", String(60), nullable=False),
    Column("cadence", String(10), nullable=False),
    Column("item_id", Integer, ForeignKey("items.id"), nullable=False),
    Column("language", String(20), nullable=False),
    Column("reason", String(20), nullable=False),
    PrimaryKeyConstraint("subscriber_id", "digest", "cadence", "item_id"),
)
"""Exceptions to the mark: items of a cancelled edition, or beyond the daily cap of at-once mails."""

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", String(64), primary_key=True),
    Column("reason", String(40), nullable=False),
    Column("since", Instant, nullable=False),
    Column("subscriber_id", Integer, index=True),
)
"""`subscriber_id` (no foreign key: the hash outlives the person) lets planning leave them out without hashing."""

codelist_bits = Table(
    "codelist_bits",
    metadata,
    Column("codelist", String(40), nullable=False),
    Column("code", String(60), nullable=False),
    Column("bit", Integer, nullable=False),
    PrimaryKeyConstraint("codelist", "code"),
    UniqueConstraint("codelist", "bit"),
)
"""A code's place in the masks: permanent, never used again."""

codelist_versions = Table(
    "codelist_versions",
    metadata,
    Column("codelist", String(40), primary_key=True),
    Column("version", String(64), nullable=False),
)
"""The version of each codelist that the masks were derived from; planning waits while they differ."""

# -- time -----------------------------------------------------------------------------------------------------

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

# -- editions, mailings, deliveries ---------------------------------------------------------------------------

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
    Column("edition_id", Integer, ForeignKey("editions.id"), nullable=False),
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
    UniqueConstraint("edition_id", "due_at"),
    Index("ix_mailings_aged_at_finished_at", "aged_at", "finished_at"),
    Index("ix_mailings_state_finished_at", "state", "finished_at"),
)
"""`in_doubt`: what to do with mails of which nobody knows whether they left; "" leaves it to the channel's policy.
`finished_at` of a cancelled one: when the last of what had not left was carried over. `changes` counts the moves.
`totals`: its numbers (locale -> state -> how many), written when its rows begin to age out; `aged_at`: all are gone."""

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

# -- notices: the transactional lane --------------------------------------------------------------------------

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
