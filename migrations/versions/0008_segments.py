"""Segments, tags of people, when people last used our pages"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", tribune.store.tables.Instant(length=32), nullable=False),
        sa.Column("changed_at", tribune.store.tables.Instant(length=32), nullable=False),
        sa.Column("changed_by", sa.String(length=60), nullable=False),
        sa.Column("archived_at", tribune.store.tables.Instant(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("slug", name=op.f("uq_segments_slug")),
    )
    op.create_table(
        "segment_versions",
        sa.Column("segment_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("changed_at", tribune.store.tables.Instant(length=32), nullable=False),
        sa.Column("changed_by", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_segment_versions_segment_id")),
        sa.PrimaryKeyConstraint("segment_id", "version", name=op.f("pk_segment_versions")),
    )
    op.create_table(
        "person_tags",
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_person_tags_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "tag", name=op.f("pk_person_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_person_tags_tag_subscriber_id", "person_tags", ["tag", "subscriber_id"], unique=False)
    op.create_table(
        "engagement",
        sa.Column("subscriber_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_seen_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_engagement_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_engagement")),
    )
    op.create_index(
        "ix_rhythms_stopped",
        "rhythms",
        ["subscriber_id", "digest", "cadence"],
        unique=False,
        sqlite_where=sa.text("stopped_at IS NOT NULL"),
        postgresql_where=sa.text("stopped_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_rhythms_stopped", table_name="rhythms")
    op.drop_table("engagement")
    op.drop_index("ix_person_tags_tag_subscriber_id", table_name="person_tags")
    op.drop_table("person_tags")
    op.drop_table("segment_versions")
    op.drop_table("segments")
