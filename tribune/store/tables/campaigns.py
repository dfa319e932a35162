"""The table of campaigns: what staff wrote, and for whom."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table

from tribune.store.tables.base import Instant, metadata

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(120), nullable=False, index=True),
    Column("digest", String(60), nullable=False),
    Column("messages", JSON, nullable=False),
    Column("items", JSON, nullable=False),
    Column("segment_id", Integer, ForeignKey("segments.id"), nullable=False),
    Column("segment_version", Integer, nullable=False),
    Column("rule", JSON, nullable=False),
    Column("numbers", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(60), nullable=False),
)
"""Written once, and kept when its mailing ages out. `messages`: language, subject and text, the first language in which
it was written first; `numbers`: how many people were in the segment, and how many were left out for which reason."""
