"""People are counted by where they stand; who has unsubscribed is found by since when, to be erased in the end"""

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
    op.create_index("ix_subscribers_status", "subscribers", ["status"], unique=False)
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
    op.drop_index("ix_subscribers_status", table_name="subscribers")
    op.drop_index("ix_subscribers_left", table_name="subscribers")
