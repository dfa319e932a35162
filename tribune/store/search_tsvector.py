"""Full-text search in PostgreSQL: a tsvector of words that Python has analysed, with a GIN index.

No text search configuration is used: the words come analysed, so PostgreSQL and SQLite find the same. Source:
https://www.postgresql.org/docs/current/textsearch-controls.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from tribune.store.search_words import Indexed, ways

SEARCH_DDL = [
    "CREATE TABLE search_words ("
    "item_id integer NOT NULL, language varchar(20) NOT NULL, analysis varchar(10) NOT NULL, words tsvector NOT NULL,"
    " CONSTRAINT pk_search_words PRIMARY KEY (item_id, language))",
    "CREATE INDEX ix_search_words_words ON search_words USING gin (words) WITH (fastupdate = off)",
]
"""Statements that a migration runs on PostgreSQL."""

_ADD = text(
    "INSERT INTO search_words (item_id, language, analysis, words)"
    " VALUES (:item_id, :language, :analysis, CAST(:words AS tsvector))"
)
_REMOVE = text("DELETE FROM search_words WHERE item_id = :item_id")
_WEIGHTS = "{0, 0.125, 0.25, 1}"  # D (unused), C the abstract, B authors and identifiers, A the title
_BY_LENGTH = 1  # a short text that has the word is more about it than a long one
_FIND = (
    "SELECT -ts_rank(CAST(:weights AS real[]), words, query, :by_length) AS score, -item_id, language"
    " FROM search_words, CAST(:query AS tsquery) query WHERE words @@ query AND analysis = :analysis{more}"
    " ORDER BY score, item_id DESC LIMIT :most"
)
_FIND_ALL = text(_FIND.format(more=""))
_FIND_KIND = text(_FIND.format(more=" AND item_id IN (SELECT id FROM items WHERE kind = :kind)"))
_LAST_PLACE = 16_383


def add(connection: Connection, item_id: int, versions: Sequence[Indexed]) -> None:
    """Keep an item's versions."""
    rows = [
        {"item_id": item_id, "language": one.language, "analysis": one.analysis, "words": _vector(one)}
        for one in versions
    ]
    if rows:
        connection.execute(_ADD, rows)


def _vector(version: Indexed) -> str:
    """Each word with its place and weight. Words are letters and digits: in quotation marks they need no care."""
    place = 0
    told = []
    for kept, weight in ((version.title, "A"), (version.about, "B"), (version.abstract, "C")):
        for word in kept.split():
            place += 1
            told.append(f"'{word}':{min(place, _LAST_PLACE)}{weight}")
    return " ".join(told)


def remove(connection: Connection, item_id: int) -> None:
    """Forget an item."""
    connection.execute(_REMOVE, {"item_id": item_id})


def ranked(
    connection: Connection, said: Sequence[str], analysis: str, kind: str | None, limit: int, *, every: bool
) -> list[tuple[float, int, str]]:
    """(rank, -item, language) of what has these words (`every`) or any of them; the smaller, the better."""
    query = match_query(said, analysis, every=every)
    if not query:
        return []
    values = {"weights": _WEIGHTS, "by_length": _BY_LENGTH, "query": query, "analysis": analysis, "most": limit}
    found = connection.execute(_FIND_KIND, values | {"kind": kind}) if kind else connection.execute(_FIND_ALL, values)
    return [(score, newest, shown) for score, newest, shown in found]


def match_query(said: Sequence[str], analysis: str, *, every: bool = True) -> str:
    """The tsquery for words: all (`every`), or any; the last may be unfinished."""
    terms = []
    for place, word in enumerate(said):
        whole, begun = ways(word, analysis, unfinished=place == len(said) - 1)
        told = [f"'{form}'" for form in whole] + [f"'{form}':*" for form in begun]
        if told:
            terms.append(f"({' | '.join(told)})")
    return (" & " if every else " | ").join(terms)
