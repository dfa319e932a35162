"""Tables of sources and of the catalogue: what was read, and the items that it became."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, PrimaryKeyConstraint, String, Table, Text

from tribune.store.tables.base import Instant, metadata

# -- sources ------------------------------------------------------------------------------------------------

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

# -- the catalogue ------------------------------------------------------------------------------------------

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
    Column("released_at", Instant, nullable=False, index=True),
    Column("hidden_at", Instant),
)
"""`hidden_at`: no longer visible (withdrawn, or released anew under a later number)."""
