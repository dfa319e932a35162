"""The public archive: lists of what is visible, laid out for its pages and feeds"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

import tribune.store.tables

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "&": " and "})


def upgrade() -> None:
    instant = tribune.store.tables.Instant(length=32)
    op.create_table(
        "listings",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("base", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("released_at", instant, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_listings_item_id")),
        sa.PrimaryKeyConstraint("item_id", "base", name=op.f("pk_listings")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_listings_base_kind", "listings", ["base", "kind"], unique=False)
    op.create_index("ix_listings_sequence", "listings", ["sequence"], unique=False)
    op.create_index("ix_listings_day_sequence", "listings", ["day", "sequence"], unique=False)
    op.create_table(
        "listing_codes",
        sa.Column("axis", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_listing_codes_item_id")),
        sa.PrimaryKeyConstraint("axis", "code", "item_id", name=op.f("pk_listing_codes")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_listing_codes_item_id", "listing_codes", ["item_id"], unique=False)
    op.create_index("ix_releases_released_at", "releases", ["released_at"], unique=False)
    if not op.get_context().as_sql:
        _list_what_is_visible(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_releases_released_at", table_name="releases")
    op.drop_index("ix_listing_codes_item_id", table_name="listing_codes")
    op.drop_table("listing_codes")
    op.drop_index("ix_listings_day_sequence", table_name="listings")
    op.drop_index("ix_listings_sequence", table_name="listings")
    op.drop_index("ix_listings_base_kind", table_name="listings")
    op.drop_table("listings")


def _list_what_is_visible(connection: sa.Connection) -> None:
    """Rows as tribune/store/listings.py writes them. Their digest is empty: the next change of an item counts."""
    visible: dict[int, list[Any]] = {}
    for row in connection.execute(
        sa.text(
            "SELECT sequence, item_id, language, released_at FROM releases WHERE hidden_at IS NULL ORDER BY sequence"
        )
    ):
        visible.setdefault(row.item_id, []).append(row)
    add = sa.text(
        "INSERT INTO listings"
        " (item_id, base, language, version, sequence, day, released_at, updated_at, kind, slug, digest) VALUES"
        " (:item_id, :base, :language, :version, :sequence, :day, :released_at, :updated_at, :kind, :slug, :digest)"
    )
    add_code = sa.text("INSERT INTO listing_codes (axis, code, item_id) VALUES (:axis, :code, :item_id)")
    items = sa.text("SELECT id, version, kind, content FROM items WHERE merged_into IS NULL")
    for item in connection.execute(items).all():
        found = visible.get(item.id, [])
        content = json.loads(item.content) if isinstance(item.content, str) else item.content
        titles = {one["language"]: one.get("title", "") for one in content["versions"]}
        by_base: dict[str, Any] = {}
        for row in found:
            base = row.language.partition("-")[0].lower()
            if base not in by_base or row.language == base:
                by_base[base] = row
        if found:
            by_base[""] = next((one for one in found if one.language == content["source_language"]), found[0])
        for base, row in by_base.items():
            if row.language in titles:
                told = {"item_id": item.id, "base": base, "language": row.language, "version": item.version}
                told["sequence"] = row.sequence
                told["day"] = min(content.get("published_on") or str(row.released_at)[:10], str(row.released_at)[:10])
                told |= {"released_at": row.released_at, "updated_at": row.released_at, "kind": item.kind}
                connection.execute(add, told | {"slug": _slug(titles[row.language]), "digest": ""})
        if found:
            named = [("topics", code) for code in content.get("policy_areas", ())]
            named += [("places", code) for code in content.get("places") or ("",)]
            for axis, code in dict.fromkeys(named):
                if len(code) <= 60:
                    connection.execute(add_code, {"axis": axis, "code": code, "item_id": item.id})


def _slug(title: str) -> str:
    """As tribune.domain.archive.slug has it; where it differs, a page redirects."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", title[:400]).casefold())
    bare = "".join(c for c in folded if not unicodedata.combining(c)).translate(_LETTERS)
    words = "".join(c if c.isalnum() else " " for c in bare).split()
    kept = "-".join(word for word in words if word.isascii())
    return kept if len(kept) <= 60 else (kept[:61].rpartition("-")[0] or kept[:60]).rstrip("-")
