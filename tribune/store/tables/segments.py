"""Tables of segments: saved rules and what they were, tags of people, when people last used our pages."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Date, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from tribune.store.tables.base import Instant, metadata

segments = Table(
    "segments",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("slug", String(60), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("rule", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(60), nullable=False),
    Column("archived_at", Instant),
)

segment_versions = Table(
    "segment_versions",
    metadata,
    Column("segment_id", Integer, ForeignKey("segments.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("rule", JSON, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(60), nullable=False),
    PrimaryKeyConstraint("segment_id", "version"),
)
"""Every version that was ever saved: what a campaign was sent to can be read again."""

person_tags = Table(
    "person_tags",
    metadata,
    Column("subscriber_id", Integer, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("tag", String(60), nullable=False),
    PrimaryKeyConstraint("subscriber_id", "tag"),
    Index("ix_person_tags_tag_subscriber_id", "tag", "subscriber_id"),
    sqlite_with_rowid=False,
)

engagement = Table(
    "engagement",
    metadata,
    Column(
        "subscriber_id",
        Integer,
        ForeignKey("subscribers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("last_seen_on", Date, nullable=False),
)
"""The last date (UTC) on which a person used one of our pages as themselves; who never did has no row."""
