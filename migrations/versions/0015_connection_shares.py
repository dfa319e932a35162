"""How many connections each worker may have"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connection_shares",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("worker", sa.String(length=120), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("until", tribune.store.tables.Instant(length=32), nullable=False),
        sa.PrimaryKeyConstraint("channel", "worker", name=op.f("pk_connection_shares")),
    )


def downgrade() -> None:
    op.drop_table("connection_shares")
