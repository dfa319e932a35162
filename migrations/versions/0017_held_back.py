"""Mails that are held back are found by an index of their own, however many mailings there were"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_HELD = sa.text("state = 'quarantined'")


def upgrade() -> None:
    op.create_index(
        "ix_delivery_exceptions_held_back",
        "delivery_exceptions",
        ["state", "mailing_id", "chunk", "place"],
        unique=False,
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_exceptions_held_back", table_name="delivery_exceptions")
