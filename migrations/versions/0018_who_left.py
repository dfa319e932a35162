"""People who have unsubscribed are found by the time since when, to be erased when their time is up"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_LEFT = sa.text("status = 'unsubscribed'")
_STOPPED = sa.text("act = 'unsubscribed'")


def upgrade() -> None:
    op.create_index(
        "ix_subscribers_left",
        "subscribers",
        ["changed_at"],
        unique=False,
        sqlite_where=_LEFT,
        postgresql_where=_LEFT,
    )
    op.drop_index("ix_consents_unsubscribed_at", table_name="consents")  # it served nothing else


def downgrade() -> None:
    op.create_index(
        "ix_consents_unsubscribed_at",
        "consents",
        ["at"],
        unique=False,
        sqlite_where=_STOPPED,
        postgresql_where=_STOPPED,
    )
    op.drop_index("ix_subscribers_left", table_name="subscribers")
