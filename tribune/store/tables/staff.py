"""Tables of staff: what they did."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, Integer, String, Table

from tribune.store.tables.base import Instant, metadata

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(60), nullable=False),
    Column("action", String(60), nullable=False),
    Column("about", String(100), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("before", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
    Index("ix_audit_actor_number", "actor", "number"),
    Index("ix_audit_about_number", "about", "number"),
)
"""Append-only; each row is sealed with the one before it (tribune.domain.audit)."""
