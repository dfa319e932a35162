"""Tables of consent: what was agreed, the words, sign-ups that wait for their confirmation, and how often was asked."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from tribune.store.tables.base import Instant, metadata

_BIG = BigInteger().with_variant(Integer, "sqlite")

consents = Table(
    "consents",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
    Column("subscriber_id", Integer, nullable=False, index=True),
    Column("act", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("source", String(20), nullable=False),
    Column("agreed", JSON, nullable=False),
    Column("text_version", String(60), nullable=False),
    Column("network", String(60), nullable=False),
    Column("acted_by", String(60), nullable=False),
    Column("basis", String(300), nullable=False),
)
"""Consent records: they go with the person."""

Index(
    "ix_consents_network_at",
    consents.c.at,
    postgresql_where=consents.c.network != "",
    sqlite_where=consents.c.network != "",
)

consent_texts = Table(
    "consent_texts",
    metadata,
    Column("version", String(60), primary_key=True),
    Column("locale", String(20), nullable=False),
    Column("words", Text, nullable=False),
    Column("since", Instant, nullable=False),
)
"""The words that were shown, under the version that consent records name."""

sign_ups = Table(
    "sign_ups",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
    Column("subscriber_id", Integer, ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Instant, nullable=False, index=True),
    Column("wanted", JSON, nullable=False),
    Column("text_version", String(60), nullable=False),
    Column("source", String(20), nullable=False),
    Column("network", String(60), nullable=False),
)
"""What somebody asked for on the form and has not confirmed: it comes into force only then, or is forgotten."""

quotas = Table(
    "quotas",
    metadata,
    Column("who", String(60), nullable=False),
    Column("until", Instant, nullable=False, index=True),
    Column("asked", Integer, nullable=False),
    PrimaryKeyConstraint("who", "until"),
    sqlite_with_rowid=False,
)
"""How often a network has asked in a window of time that ends at `until`. `who` is a keyed hash."""
