"""What people ask for about their data; pauses that end by themselves; the suppression list's hashes are keyed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_PAUSED = sa.text("paused_until IS NOT NULL")


def upgrade() -> None:
    instant = tribune.store.tables.Instant(length=32)
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.add_column(sa.Column("new_address", sa.String(length=320), nullable=True))
    with op.batch_alter_table("subscribers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paused_until", instant, nullable=True))
    op.create_index(
        "ix_subscribers_paused_until",
        "subscribers",
        ["paused_until"],
        unique=False,
        sqlite_where=_PAUSED,
        postgresql_where=_PAUSED,
    )
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key_id", sa.String(length=16), server_default="", nullable=False))
    op.create_table(
        "data_requests",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("settled_at", instant, nullable=True),
        sa.Column("asked_by", sa.String(length=60), nullable=False),
        sa.Column("traces", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_requests")),
    )
    with op.batch_alter_table("data_requests", schema=None) as batch_op:
        batch_op.create_index("ix_data_requests_state_created_at", ["state", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_data_requests_subscriber_id"), ["subscriber_id"], unique=False)


def downgrade() -> None:
    # Keyed hashes cannot be turned back, and an older version would mail whom it does not find.
    keyed = op.get_bind().execute(sa.text("SELECT count(*) FROM suppressions WHERE key_id <> ''")).scalar()
    if keyed:
        raise RuntimeError(f"the suppression list holds {keyed} keyed hashes, which an older version cannot read")
    with op.batch_alter_table("data_requests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_data_requests_subscriber_id"))
        batch_op.drop_index("ix_data_requests_state_created_at")
    op.drop_table("data_requests")
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.drop_column("key_id")
    op.drop_index("ix_subscribers_paused_until", table_name="subscribers")
    with op.batch_alter_table("subscribers", schema=None) as batch_op:
        batch_op.drop_column("paused_until")
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.drop_column("new_address")
