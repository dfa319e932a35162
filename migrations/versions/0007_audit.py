"""The audit log"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", tribune.store.tables.Instant(length=32), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("about", sa.String(length=100), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_actor_number", "audit", ["actor", "number"], unique=False)
    op.create_index("ix_audit_about_number", "audit", ["about", "number"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_audit_about_number", table_name="audit")
    op.drop_index("ix_audit_actor_number", table_name="audit")
    op.drop_table("audit")
