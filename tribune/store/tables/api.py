"""Tables of the REST API: what was answered under which key."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, PrimaryKeyConstraint, String, Table, Text

from tribune.store.tables.base import Instant, metadata

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("token_id", Integer, nullable=False),
    Column("key", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("taken_at", Instant, nullable=False, index=True),
    Column("status", Integer),
    Column("headers", JSON, nullable=False),
    Column("body", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("token_id", "key"),
    sqlite_with_rowid=False,
)
"""Kept for a day. `status` empty: being worked on. No personal data: `fingerprint` is keyed with the token itself, and
answers about people carry their numbers only."""
