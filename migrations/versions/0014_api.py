"""The REST API: answers that are given once"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("taken_at", tribune.store.tables.Instant(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_idempotency_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_idempotency_keys_taken_at"), "idempotency_keys", ["taken_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_idempotency_keys_taken_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
