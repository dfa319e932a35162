"""The ledger ages out; indexes that plans of a large store asked for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mailings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("totals", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("aged_at", tribune.store.tables.Instant(length=32), nullable=True))
        batch_op.create_index("ix_mailings_aged_at_finished_at", ["aged_at", "finished_at"], unique=False)
    op.create_index(
        "ix_at_once_served_mailing_id_subscriber_id", "at_once_served", ["mailing_id", "subscriber_id"], unique=False
    )
    op.create_index("ix_chunks_mailing_id_state", "chunks", ["mailing_id", "state"], unique=False)
    op.create_index(
        "ix_delivery_exceptions_mailing_id_state", "delivery_exceptions", ["mailing_id", "state"], unique=False
    )
    if op.get_context().dialect.name == "postgresql":
        # What aged out is cleared away every half a million rows, not when a fifth of hundreds of millions is dead.
        op.execute(
            "ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500000)"
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE deliveries RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)")
    op.drop_index("ix_delivery_exceptions_mailing_id_state", table_name="delivery_exceptions")
    op.drop_index("ix_chunks_mailing_id_state", table_name="chunks")
    op.drop_index("ix_at_once_served_mailing_id_subscriber_id", table_name="at_once_served")
    with op.batch_alter_table("mailings", schema=None) as batch_op:
        batch_op.drop_index("ix_mailings_aged_at_finished_at")
        batch_op.drop_column("aged_at")
        batch_op.drop_column("totals")
