"""Campaigns: a mailing is of an edition or of a campaign"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

import tribune.store.tables

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_OF_ONE = "(edition_id IS NULL) <> (campaign_id IS NULL)"


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.String(length=60), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("segment_id", sa.Integer(), nullable=False),
        sa.Column("segment_version", sa.Integer(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("created_at", tribune.store.tables.Instant(length=32), nullable=False),
        sa.Column("created_by", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_campaigns_segment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index(op.f("ix_campaigns_name"), "campaigns", ["name"], unique=False)
    if op.get_context().dialect.name == "sqlite":
        _build_anew(campaigns=True)
        return
    op.alter_column("mailings", "edition_id", existing_type=sa.Integer(), nullable=True)
    op.add_column("mailings", sa.Column("campaign_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_mailings_campaign_id"), "mailings", "campaigns", ["campaign_id"], ["id"])
    op.create_check_constraint(op.f("ck_mailings_of_one"), "mailings", _OF_ONE)
    op.create_index("ix_mailings_campaign_id", "mailings", ["campaign_id"], unique=False)


def downgrade() -> None:
    # Their mails were sent: an older version would not know of what they are, and could not tell who got one.
    told = op.get_bind().execute(sa.text("SELECT count(*) FROM campaigns")).scalar()
    if told:
        raise RuntimeError(f"there are {told} campaigns, of which an older version knows nothing")
    if op.get_context().dialect.name == "sqlite":
        _build_anew(campaigns=False)
    else:
        op.drop_index("ix_mailings_campaign_id", table_name="mailings")
        op.drop_constraint(op.f("ck_mailings_of_one"), "mailings", type_="check")
        op.drop_constraint(op.f("fk_mailings_campaign_id"), "mailings", type_="foreignkey")
        op.drop_column("mailings", "campaign_id")
        op.alter_column("mailings", "edition_id", existing_type=sa.Integer(), nullable=False)
    op.drop_index(op.f("ix_campaigns_name"), table_name="campaigns")
    op.drop_table("campaigns")


def _build_anew(*, campaigns: bool) -> None:
    """SQLite cannot let a column be empty that might not, and lets go of no table that another one points to, unless
    what is missing meanwhile is there again at the end: so the rows stand aside, and Alembic's own way will not do."""
    instant = tribune.store.tables.Instant(length=32)
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute("CREATE TABLE mailings_aside AS SELECT * FROM mailings")
    op.drop_table("mailings")
    columns: list[sa.Column[Any]] = [
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=campaigns),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("approval", sa.String(length=20), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("skipped_empty", sa.Integer(), server_default="0", nullable=False),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("planned_at", instant, nullable=False),
        sa.Column("started_at", instant, nullable=True),
        sa.Column("finished_at", instant, nullable=True),
        sa.Column("in_doubt", sa.String(length=20), server_default="", nullable=False),
        sa.Column("changes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_at", instant, nullable=True),
        sa.Column("rested_seconds", sa.Float(), server_default="0", nullable=False),
        sa.Column("totals", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("aged_at", instant, nullable=True),
    ]
    names = ", ".join(column.name for column in columns)
    more: list[SchemaItem] = [
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_mailings_campaign_id")),
        sa.CheckConstraint(_OF_ONE, name=op.f("ck_mailings_of_one")),
    ]
    op.create_table(
        "mailings",
        *columns,
        *(more if campaigns else []),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name=op.f("fk_mailings_edition_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailings")),
        sa.UniqueConstraint("edition_id", "due_at", name=op.f("uq_mailings_edition_id_due_at")),
    )
    op.execute(f"INSERT INTO mailings ({names}) SELECT {names} FROM mailings_aside")  # noqa: S608 - our own names
    op.drop_table("mailings_aside")
    if campaigns:
        op.create_index("ix_mailings_campaign_id", "mailings", ["campaign_id"], unique=False)
    op.create_index("ix_mailings_aged_at_finished_at", "mailings", ["aged_at", "finished_at"], unique=False)
    op.create_index("ix_mailings_state_finished_at", "mailings", ["state", "finished_at"], unique=False)
