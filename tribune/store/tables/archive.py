"""Tables of the public archive: what the catalogue shows, laid out for lists."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table

from tribune.store.tables.base import Instant, metadata

listings = Table(
    "listings",
    metadata,
    Column("item_id", Integer, ForeignKey("items.id"), nullable=False),
    Column("base", String(20), nullable=False),
    Column("language", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("day", String(10), nullable=False),
    Column("released_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("slug", String(60), nullable=False),
    Column("digest", String(32), nullable=False),
    PrimaryKeyConstraint("item_id", "base"),
    Index("ix_listings_base_kind", "base", "kind"),
    Index("ix_listings_sequence", "sequence"),
    Index("ix_listings_day_sequence", "day", "sequence"),
    sqlite_with_rowid=False,
)
"""A row for each base language in which an item is visible, and one under "" for readers of none of them: the source
language, or what was released first. `version`
is the item's. `day`: of publication, or of release where
that was first. `digest` is a hash of what is shown: where it changes, `updated_at` moves."""

listing_codes = Table(
    "listing_codes",
    metadata,
    Column("axis", String(10), nullable=False),
    Column("code", String(60), nullable=False),
    Column("item_id", Integer, ForeignKey("items.id"), nullable=False),
    PrimaryKeyConstraint("axis", "code", "item_id"),
    Index("ix_listing_codes_item_id", "item_id"),
    sqlite_with_rowid=False,
)
"""The topics and places that visible items name; an item without places stands under the place ""."""
