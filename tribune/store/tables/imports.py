"""Imports of people: a row for each file that staff have brought. The file itself is never in the store."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table

from tribune.store.tables.base import Instant, metadata

_BIG = BigInteger().with_variant(Integer, "sqlite")

imports = Table(
    "imports",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("acted_by", String(60), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("bytes", _BIG, nullable=False),
    Column("state", String(20), nullable=False),
    Column("plan", JSON, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("report_length", _BIG, nullable=False),
    Column("rows", _BIG, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    Column("changed_at", Instant, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("leased_until", Instant),
    Column("removed_at", Instant),
)
"""`id` is random: it names the file in data_dir/imports too. `plan`: columns, defaults and the basis. `epoch` and
`leased_until` belong to the worker that has it in hand. `removed_at`: when its file and report were deleted."""
