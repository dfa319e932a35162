"""PostgreSQL: full-text search, marks that are updated in place; on both stores deliveries that are cheap to write"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ONE_OF_A_MAILING = "uq_deliveries_mailing_id_subscriber_id_channel"
OF_A_MAILING = "fk_deliveries_mailing_id"


def upgrade() -> None:
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_with_rowid": False}) as deliveries:
        deliveries.drop_constraint(OF_A_MAILING, type_="foreignkey")
        deliveries.drop_constraint(ONE_OF_A_MAILING, type_="unique")
        deliveries.alter_column("edition_id", existing_type=sa.Integer(), nullable=False)
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE TABLE search_words ("
        "item_id integer NOT NULL, language varchar(20) NOT NULL, analysis varchar(10) NOT NULL,"
        " words tsvector NOT NULL, CONSTRAINT pk_search_words PRIMARY KEY (item_id, language))"
    )
    op.execute("CREATE INDEX ix_search_words_words ON search_words USING gin (words) WITH (fastupdate = off)")
    # Each plan updates a mark for everybody: with room on its page the new row needs no new entry in the index.
    op.execute("ALTER TABLE marks SET (fillfactor = 45)")
    # A chunk's row is updated at each window.
    op.execute("ALTER TABLE chunks SET (fillfactor = 60)")


def downgrade() -> None:
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_with_rowid": False}) as deliveries:
        deliveries.alter_column("edition_id", existing_type=sa.Integer(), nullable=True)
        deliveries.create_unique_constraint(ONE_OF_A_MAILING, ["mailing_id", "subscriber_id", "channel"])
        deliveries.create_foreign_key(OF_A_MAILING, "mailings", ["mailing_id"], ["id"])
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("DROP TABLE search_words")
    op.execute("ALTER TABLE marks RESET (fillfactor)")
    op.execute("ALTER TABLE chunks RESET (fillfactor)")
