"""Full-text search over what is visible and nothing else, with the same analysis on both stores.

The words are analysed in tribune/store/search_words.py; a database only ever sees letters and digits, so no text of a
user can be read as its query language. How they are kept and ranked: search_fts5.py, search_tsvector.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from types import ModuleType

from sqlalchemy import Connection, select, tuple_

from tribune.domain import identifiers
from tribune.domain.items import LanguageVersion, Scheme
from tribune.domain.merging import Content, Key
from tribune.store import search_fts5, search_tsvector
from tribune.store.search_words import ANALYSES, Indexed, analysis_of, indexed, telling_words
from tribune.store.tables import item_identifiers, items, releases

_SLOTS = 64
"""An item has at most so many language versions that are found."""

_MAX_ABSTRACT = 20_000
_EXCERPT = 240

Place = tuple[int, str]
"""A language version of an item: (item id, language)."""


def _engine(connection: Connection) -> ModuleType:
    return search_tsvector if connection.dialect.name == "postgresql" else search_fts5


def add(connection: Connection, item_id: int, content: Content, languages: Collection[str]) -> None:
    """Make these language versions of an item known."""
    about = " ".join((*content.authors, content.series, *(told.value for told in content.identifiers)))
    visible = [version for version in content.versions if version.language in languages]
    _engine(connection).add(connection, item_id, [_row(version, about) for version in visible[:_SLOTS]])


def _row(version: LanguageVersion, about: str) -> Indexed:
    analysis = analysis_of(version.language)
    return Indexed(
        version.language,
        analysis,
        title=indexed(version.title, analysis),
        abstract=indexed(version.abstract[:_MAX_ABSTRACT], analysis),
        about=indexed(about, analysis),
    )


def remove(connection: Connection, item_id: int) -> None:
    """Forget an item."""
    _engine(connection).remove(connection, item_id)


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
        said = telling_words(text, analysis)
        if said:
            ranked.extend(_engine(connection).ranked(connection, said, analysis, kind, limit, every=every))
    return [(-newest, shown) for _, newest, shown in sorted(ranked)]


def excerpt(abstract: str) -> str:
    """The beginning of an abstract, cut at a word."""
    line = " ".join(abstract.split())
    if len(line) <= _EXCERPT:
        return line
    return line[:_EXCERPT].rsplit(" ", 1)[0].rstrip(" ,;:.–—-") + " …"
