"""Full-text search in SQLite's FTS5: a table for each analysis, holding what is visible and nothing else.

The words are analysed in tribune/store/search_words.py; FTS5 only ever sees letters and digits, so no text of a user
can be read as its query language. On PostgreSQL a tsvector column of the same words takes these tables' place.
Source: https://sqlite.org/fts5.html.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
    tuple_,
)

from tribune.domain import identifiers
from tribune.domain.items import LanguageVersion, Scheme
from tribune.domain.merging import Content, Key
from tribune.store.search_words import STEMMERS, analysis_of, forms, indexed, is_stop_word, words
from tribune.store.tables import item_identifiers, items, releases

ANALYSES = (*STEMMERS, "other")
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
_MAX_WORDS = 16
_MAX_ABSTRACT = 20_000
_EXCERPT = 240

Place = tuple[int, str]
"""A language version of an item: (item id, language)."""


def add(connection: Connection, item_id: int, content: Content, languages: Collection[str]) -> None:
    """Make these language versions of an item known."""
    about = " ".join((*content.authors, content.series, *(told.value for told in content.identifiers)))
    rows: dict[str, list[dict[str, Any]]] = {}
    visible = [version for version in content.versions if version.language in languages]
    for slot, version in enumerate(visible[:_SLOTS]):
        analysis = analysis_of(version.language)
        rows.setdefault(analysis, []).append(
            {"rowid": item_id * _SLOTS + slot, **_row(version, about, analysis), "language": version.language}
        )
    for analysis, values in rows.items():
        connection.execute(insert(_tables[analysis]), values)


def _row(version: LanguageVersion, about: str, analysis: str) -> dict[str, str]:
    return {
        "title": indexed(version.title, analysis),
        "abstract": indexed(version.abstract[:_MAX_ABSTRACT], analysis),
        "about": indexed(about, analysis),
    }


def remove(connection: Connection, item_id: int) -> None:
    """Forget an item."""
    for statement in _REMOVE:
        connection.execute(statement, {"first": item_id * _SLOTS, "last": item_id * _SLOTS + _SLOTS - 1})


def find(connection: Connection, text: str, language: str, *, kind: str | None, limit: int) -> list[Place]:
    """What `text` finds, each item once. An identifier finds what it names and nothing else. Words find what has them
    all (where nothing has, what has any) in the reader's language, then in others, each by relevance."""
    keys = _identifiers_in(text)
    if keys:
        return [(item_id, language) for item_id in _by_identifier(connection, keys, kind, limit)]
    found: dict[int, str] = {}
    own = analysis_of(language)
    others = [analysis for analysis in ANALYSES if analysis != own]
    for every in (True, False):
        for analyses in ([own], others):
            if len(found) < limit:
                for item_id, shown in _by_words(connection, text, analyses, kind, limit + len(found), every=every):
                    found.setdefault(item_id, shown)
        if found:
            break
    return list(found.items())[:limit]


def _by_identifier(connection: Connection, keys: Iterable[Key], kind: str | None, limit: int) -> Sequence[int]:
    wanted = (
        select(items.c.id)
        .join(item_identifiers, item_identifiers.c.item_id == items.c.id)
        .where(
            tuple_(item_identifiers.c.scheme, item_identifiers.c.value).in_(sorted(keys)),
            items.c.id.in_(select(releases.c.item_id).where(releases.c.hidden_at.is_(None))),
        )
        .distinct()
        .order_by(items.c.id)
        .limit(limit)
    )
    return connection.scalars(wanted.where(items.c.kind == kind) if kind else wanted).all()


def _identifiers_in(text: str) -> set[Key]:
    keys: set[Key] = set()
    for scheme, normal in (
        (Scheme.DOI, identifiers.doi),
        (Scheme.ISBN, identifiers.isbn),
        (Scheme.OAI, identifiers.oai),
        (Scheme.URL, identifiers.url),
    ):
        value = normal(text)
        if value:
            keys.add((scheme.value, value))
    return keys


def _by_words(
    connection: Connection, text: str, analyses: Iterable[str], kind: str | None, limit: int, *, every: bool
) -> list[Place]:
    ranked: list[tuple[float, int, str]] = []
    for analysis in analyses:
        query = match_expression(text, analysis, every=every)
        if not query:
            continue
        table = _tables[analysis]
        rank = func.bm25(literal_column(table.name), *_WEIGHTS)
        wanted = (
            select(rank, table.c.rowid, table.c.language)
            .where(literal_column(table.name).op("MATCH")(query))
            .order_by(rank, table.c.rowid.desc())
            .limit(limit)
        )
        if kind:
            wanted = wanted.where(table.c.rowid.op("/")(_SLOTS).in_(select(items.c.id).where(items.c.kind == kind)))
        ranked.extend((score, -rowid, shown) for score, rowid, shown in connection.execute(wanted))
    return [(-rowid // _SLOTS, shown) for _, rowid, shown in sorted(ranked)]


def match_expression(text: str, analysis: str, *, every: bool = True) -> str:
    """The FTS5 query for a user's text: all its words (`every`), or any; the last may be unfinished. "" for none."""
    said = list(words(text[:1_000], analysis))[:_MAX_WORDS]
    telling = [word for word in said if not is_stop_word(word, analysis)] or said
    if not telling:
        return ""
    terms = [_term(word, analysis) for word in telling[:-1]]
    terms.append(_term(telling[-1], analysis, unfinished=True))
    return (" AND " if every else " OR ").join(term for term in terms if term)


def _term(word: str, analysis: str, *, unfinished: bool = False) -> str:
    ways = [f'"{form}"' for form in forms(word, analysis)]
    if unfinished:
        ways += [f'"{form}" *' for form in forms(word, "other") if len(form) > 1]
    return f"({' OR '.join(ways)})" if ways else ""


def excerpt(abstract: str) -> str:
    """The beginning of an abstract, cut at a word."""
    line = " ".join(abstract.split())
    if len(line) <= _EXCERPT:
        return line
    return line[:_EXCERPT].rsplit(" ", 1)[0].rstrip(" ,;:.–—-") + " …"
