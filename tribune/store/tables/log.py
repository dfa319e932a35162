"""Tables of the event log (embedded), and what both logs need: inbox, counters, outbox."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from tribune.store.tables.base import Instant, metadata

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
