"""Tables of people: who they are, what they want and when, what they have had, who is never mailed.

That each row belongs to somebody who is there is held by the code, not by foreign keys (ADR 30).
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    literal_column,
    text,
)

from tribune.store.tables.base import Instant, metadata

people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("address", String(320), nullable=False),
    Column("address_key", String(320), nullable=False, unique=True),
    Column("name", String(300), nullable=False),
    Column("new_address", String(320)),
)
"""The one table with addresses and names. `address_key` is the address folded for comparison; `new_address` waits to be
confirmed (data_requests)."""

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("audience_group", String(40), nullable=False),
    Column("languages", String(100), nullable=False),
    Column("fallback", String(10), nullable=False),
    Column("zone", String(60), nullable=False),
    Column("domain_group", String(100), nullable=False),
    Column("status", String(20), nullable=False),
    Column("confirmed_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("paused_until", Instant),
)
"""`paused_until`: when a pause ends by itself; empty where there is none, or where it has no end."""

Index(
    "ix_subscribers_paused_until",
    subscribers.c.paused_until,
    sqlite_where=subscribers.c.paused_until.is_not(None),
    postgresql_where=subscribers.c.paused_until.is_not(None),
)

LEFT: ColumnElement[str] = literal_column("'unsubscribed'")
"""Their status, in the words of the partial index: a bound value would not find it."""

Index(
    "ix_subscribers_left",
    subscribers.c.changed_at,
    sqlite_where=subscribers.c.status == LEFT,
    postgresql_where=subscribers.c.status == LEFT,
)

Index("ix_subscribers_status", subscribers.c.status)

WORDS = {"topics": 2, "places": 6, "kinds": 1}
"""63-bit words per mask: room for 125 policy areas, 377 places and 62 kinds (bit 0 of each is "any")."""

mask_columns = tuple(f"{name}_{n}" for name, words in WORDS.items() for n in range(words))

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subscriber_id", Integer, nullable=False, index=True),
    Column("digest", String(60), nullable=False),
    Column("cadence", String(10), nullable=False),
    Column("choice", JSON, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in mask_columns),
)

rhythms = Table(
    "rhythms",
    metadata,
    Column("subscriber_id", Integer, nullable=False),
    Column("digest", String(60), nullable=False),
    Column("cadence", String(10), nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("zone", String(60), nullable=False),
    Column("stopped_at", Instant),
    PrimaryKeyConstraint("subscriber_id", "digest", "cadence"),
    Index("ix_rhythms_cohort", "digest", "cadence", "zone", "hour", "weekday"),
    Index(
        "ix_rhythms_stopped",
        *("subscriber_id", "digest", "cadence"),
        sqlite_where=text("stopped_at IS NOT NULL"),
        postgresql_where=text("stopped_at IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

marks = Table(
    "marks",
    metadata,
    Column("subscriber_id", Integer, nullable=False),
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
    Column("subscriber_id", Integer, nullable=False),
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
    Column("key_id", String(16), nullable=False, server_default=""),
)
"""Keyed hashes (tribune.domain.addresses.SuppressionHash); `key_id` is the key's fingerprint, empty for a hash without
key, as released versions wrote them up to 0.1: `prepare` makes keyed ones of those. `subscriber_id` (no foreign key:
the hash outlives the person) lets planning leave them out without hashing."""

data_requests = Table(
    "data_requests",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subscriber_id", Integer, nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("asked_by", String(60), nullable=False),
    Column("traces", JSON, nullable=False),
    Index("ix_data_requests_state_created_at", "state", "created_at"),
)
"""What people asked for about their data. It outlives the person: `subscriber_id` is a number that is never used again.
`traces`: names of mails that the channel may still hold, until they are cleared away."""

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
