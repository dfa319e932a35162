"""full-text search: one FTS5 table for each analysis (SQLite)"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ANALYSES = ("en", "fr", "es", "other")


def upgrade() -> None:
    """PostgreSQL searches a tsvector column instead; it gets its own migration."""
    if op.get_context().dialect.name != "sqlite":
        return
    for analysis in ANALYSES:
        op.execute(
            f"CREATE VIRTUAL TABLE search_{analysis} USING fts5("
            "title, abstract, about, language UNINDEXED, tokenize = \"unicode61 remove_diacritics 0\", prefix = '2 3')"
        )


def downgrade() -> None:
    if op.get_context().dialect.name != "sqlite":
        return
    for analysis in ANALYSES:
        op.execute(f"DROP TABLE search_{analysis}")
