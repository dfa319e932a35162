"""Imports of people; what an import of a million people inserts is held together by the code, not by foreign keys"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_OF_A_PERSON = {
    "carry_overs": ("subscriber_id", "subscribers", None),
    "subscriptions": ("subscriber_id", "subscribers", None),
    "rhythms": ("subscriber_id", "subscribers", None),
    "marks": ("subscriber_id", "subscribers", None),
    "subscribers": ("id", "people", None),
    "consents": ("subscriber_id", "people", "CASCADE"),
}
"""Each cost a look-up and a row lock for every row that is inserted: more than half of an import's time (ADR 30). In
this order: SQLite builds a table anew, and lets go of none that another one points to."""


def upgrade() -> None:
    for table, (column, _, _) in _OF_A_PERSON.items():
        with op.batch_alter_table(table, schema=None, table_kwargs=_kwargs(table)) as batch_op:
            batch_op.drop_constraint(op.f(f"fk_{table}_{column}"), type_="foreignkey")
    instant = tribune.store.tables.Instant(length=32)
    op.create_table(
        "imports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("acted_by", sa.String(length=60), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("bytes", _BIG, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("report_length", _BIG, nullable=False),
        sa.Column("rows", _BIG, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("leased_until", instant, nullable=True),
        sa.Column("removed_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_created_at", "imports", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_imports_created_at", table_name="imports")
    op.drop_table("imports")
    for table, (column, parent, on_delete) in reversed(_OF_A_PERSON.items()):
        with op.batch_alter_table(table, schema=None, table_kwargs=_kwargs(table)) as batch_op:
            batch_op.create_foreign_key(op.f(f"fk_{table}_{column}"), parent, [column], ["id"], ondelete=on_delete)


def _kwargs(table: str) -> dict[str, bool]:
    return {"sqlite_with_rowid": False} if table in ("rhythms", "marks") else {}
