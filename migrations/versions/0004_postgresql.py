"""PostgreSQL: full-text search, marks that are updated in place; on both stores deliveries that are cheap to write"""

from __future__ import annotations

import struct
from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ONE_OF_A_MAILING = "uq_deliveries_mailing_id_subscriber_id_channel"
ONE_OF_AN_EDITION = "uq_deliveries_subscriber_id_edition_id_channel"
OF_A_MAILING = "fk_deliveries_mailing_id"


def upgrade() -> None:
    op.create_table(
        "delivery_blocks",
        sa.Column("mailing_id", sa.Integer(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("mailing_id", "block", name=op.f("pk_delivery_blocks")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_blocks_block_mailing_id", "delivery_blocks", ["block", "mailing_id"], unique=False)
    if not op.get_context().as_sql:
        _fill_blocks(op.get_bind())
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_with_rowid": False}) as deliveries:
        deliveries.drop_constraint(OF_A_MAILING, type_="foreignkey")
        deliveries.drop_constraint(ONE_OF_A_MAILING, type_="unique")
        deliveries.drop_constraint(ONE_OF_AN_EDITION, type_="unique")
        deliveries.drop_column("channel")
        deliveries.drop_column("edition_id")
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
        deliveries.add_column(sa.Column("channel", sa.String(length=20), nullable=False, server_default="email"))
        deliveries.add_column(sa.Column("edition_id", sa.Integer(), nullable=True))
        deliveries.create_unique_constraint(ONE_OF_A_MAILING, ["mailing_id", "subscriber_id", "channel"])
        deliveries.create_unique_constraint(ONE_OF_AN_EDITION, ["subscriber_id", "edition_id", "channel"])
        deliveries.create_foreign_key(OF_A_MAILING, "mailings", ["mailing_id"], ["id"])
    op.execute(
        "UPDATE deliveries SET edition_id ="
        " (SELECT mailings.edition_id FROM mailings WHERE mailings.id = deliveries.mailing_id)"
    )
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_with_rowid": False}) as deliveries:
        deliveries.alter_column("channel", existing_type=sa.String(length=20), server_default=None)
    op.drop_index("ix_delivery_blocks_block_mailing_id", table_name="delivery_blocks")
    op.drop_table("delivery_blocks")
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("DROP TABLE search_words")
    op.execute("ALTER TABLE marks RESET (fillfactor)")
    op.execute("ALTER TABLE chunks RESET (fillfactor)")


def _fill_blocks(connection: sa.Connection) -> None:
    """Blocks of 128 subscribers, as tribune/store/delivery_blocks.py writes them."""
    rows = connection.execute(
        sa.text("SELECT mailing_id, subscriber_id, place, chunk FROM deliveries ORDER BY mailing_id, subscriber_id")
    )
    into = sa.text("INSERT INTO delivery_blocks (mailing_id, block, members) VALUES (:mailing, :block, :members)")
    for (mailing, block), part in groupby(rows, key=lambda row: (row.mailing_id, row.subscriber_id >> 7)):
        members = b"".join(struct.pack("<BHI", row.subscriber_id & 127, row.place, row.chunk) for row in part)
        connection.execute(into, {"mailing": mailing, "block": block, "members": members})
