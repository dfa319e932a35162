"""PostgreSQL: full-text search; what its planner and its planning need"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE TABLE search_words ("
        "item_id integer NOT NULL, language varchar(20) NOT NULL, analysis varchar(10) NOT NULL,"
        " words tsvector NOT NULL, CONSTRAINT pk_search_words PRIMARY KEY (item_id, language))"
    )
    op.execute("CREATE INDEX ix_search_words_words ON search_words USING gin (words) WITH (fastupdate = off)")


def downgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("DROP TABLE search_words")
