"""Full-text search in SQLite's FTS5: a table for each analysis, ranked by BM25. Source: https://sqlite.org/fts5.html."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
)

from tribune.store.search_words import ANALYSES, Indexed, ways
from tribune.store.tables import items

SEARCH_DDL = [
    f"CREATE VIRTUAL TABLE IF NOT EXISTS search_{analysis} USING fts5("
    "title, abstract, about, language UNINDEXED, tokenize = \"unicode61 remove_diacritics 0\", prefix = '2 3')"
    for analysis in ANALYSES
]
"""Statements that a migration runs on SQLite. FTS5 makes further tables beside each (search_en_data, ...)."""

_tables = {
    analysis: Table(
        f"search_{analysis}",
        MetaData(),
        Column("rowid", BigInteger, primary_key=True),
        Column("title", Text),
        Column("abstract", Text),
        Column("about", Text),
        Column("language", Text),
    )
    for analysis in ANALYSES
}

_REMOVE = [
    delete(table).where(table.c.rowid.between(bindparam("first"), bindparam("last"))) for table in _tables.values()
]

_SLOTS = 64
"""A row's number is item * 64 + the language version's place: so an item's rows lie side by side."""

_WEIGHTS = (8.0, 1.0, 2.0)


def add(connection: Connection, item_id: int, versions: Sequence[Indexed]) -> None:
    """Keep an item's versions, at most 64."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for slot, version in enumerate(versions):
        row = {"title": version.title, "abstract": version.abstract, "about": version.about}
        rows.setdefault(version.analysis, []).append(
            {"rowid": item_id * _SLOTS + slot, **row, "language": version.language}
        )
    for analysis, values in rows.items():
        connection.execute(insert(_tables[analysis]), values)


def remove(connection: Connection, item_id: int) -> None:
    """Forget an item."""
    for statement in _REMOVE:
        connection.execute(statement, {"first": item_id * _SLOTS, "last": item_id * _SLOTS + _SLOTS - 1})


def ranked(
    connection: Connection, said: Sequence[str], analysis: str, kind: str | None, limit: int, *, every: bool
) -> list[tuple[float, int, str]]:
    """(rank, -item, language) of what has these words (`every`) or any of them; the smaller, the better."""
    table = _tables[analysis]
    rank = func.bm25(literal_column(table.name), *_WEIGHTS)
    wanted = (
        select(rank, table.c.rowid, table.c.language)
        .where(literal_column(table.name).op("MATCH")(match_expression(said, analysis, every=every)))
        .order_by(rank, table.c.rowid.desc())
        .limit(limit)
    )
    if kind:
        wanted = wanted.where(table.c.rowid.op("/")(_SLOTS).in_(select(items.c.id).where(items.c.kind == kind)))
    return [(score, -(rowid // _SLOTS), shown) for score, rowid, shown in connection.execute(wanted)]


def match_expression(said: Sequence[str], analysis: str, *, every: bool = True) -> str:
    """The FTS5 query for words: all (`every`), or any; the last may be unfinished."""
    terms = []
    for place, word in enumerate(said):
        whole, begun = ways(word, analysis, unfinished=place == len(said) - 1)
        told = [f'"{form}"' for form in whole] + [f'"{form}" *' for form in begun]
        if told:
            terms.append(f"({' OR '.join(told)})")
    return (" AND " if every else " OR ").join(terms)
