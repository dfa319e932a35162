"""Consent records and their words; sign-ups that wait for their confirmation; quotas of networks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    instant = tribune.store.tables.Instant(length=32)
    op.create_table(
        "consents",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("agreed", sa.JSON(), nullable=False),
        sa.Column("text_version", sa.String(length=60), nullable=False),
        sa.Column("network", sa.String(length=60), nullable=False),
        sa.Column("acted_by", sa.String(length=60), nullable=False),
        sa.Column("basis", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["people.id"], name=op.f("fk_consents_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_subscriber_id", "consents", ["subscriber_id"], unique=False)
    op.create_index(
        "ix_consents_network_at",
        "consents",
        ["at"],
        unique=False,
        postgresql_where=sa.text("network <> ''"),
        sqlite_where=sa.text("network != ''"),
    )
    op.create_index(
        "ix_consents_unsubscribed_at",
        "consents",
        ["at"],
        unique=False,
        postgresql_where=sa.text("act = 'unsubscribed'"),
        sqlite_where=sa.text("act = 'unsubscribed'"),
    )
    op.create_table(
        "consent_texts",
        sa.Column("version", sa.String(length=60), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_consent_texts")),
    )
    op.create_table(
        "sign_ups",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("text_version", sa.String(length=60), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("network", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["people.id"], name=op.f("fk_sign_ups_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ups")),
    )
    op.create_index("ix_sign_ups_subscriber_id", "sign_ups", ["subscriber_id"], unique=False)
    op.create_index("ix_sign_ups_at", "sign_ups", ["at"], unique=False)
    op.create_table(
        "quotas",
        sa.Column("who", sa.String(length=60), nullable=False),
        sa.Column("until", instant, nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("who", "until", name=op.f("pk_quotas")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_quotas_until", "quotas", ["until"], unique=False)


def downgrade() -> None:
    for table in ("quotas", "sign_ups", "consent_texts", "consents"):
        op.drop_table(table)
