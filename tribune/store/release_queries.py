"""Queries of releases and of the counter that numbers them in order of commit (decisions.md, 2 and 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, func, insert, select, update

from tribune.domain.items import Release
from tribune.ports.catalogue import PastRelease
from tribune.store.counters import take_numbers
from tribune.store.tables import counters, items, releases

T = TypeVar("T")

COUNTER = "catalogue"
_AT_ONCE = 500
_COLUMNS = (releases.c.sequence, releases.c.item_id, releases.c.language, releases.c.released_at)


def batches(values: Iterable[T]) -> Iterator[Sequence[T]]:
    """`values` in lists short enough for one IN."""
    listed = list(values)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]


# Built once: building a statement costs SQLAlchemy more than SQLite takes to run it.
_REDIRECTS = select(items.c.id, items.c.merged_into).where(
    items.c.id.in_(bindparam("ids", expanding=True)), items.c.merged_into.is_not(None)
)
_VISIBLE = (
    select(*_COLUMNS)
    .where(releases.c.item_id.in_(bindparam("ids", expanding=True)), releases.c.hidden_at.is_(None))
    .order_by(releases.c.sequence)
)
_LANGUAGES = select(releases.c.item_id, releases.c.language).where(
    releases.c.item_id.in_(bindparam("ids", expanding=True)), releases.c.hidden_at.is_(None)
)


class ReleaseQueries:
    """The releases' part of SqlCatalogue."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def current_ids(self, ids: Collection[int]) -> dict[int, int]:
        """Each id -> the id that it goes by now."""
        current = {id: id for id in ids}
        for batch in batches(current):
            rows = self._connection.execute(_REDIRECTS, {"ids": batch})
            current.update({row.id: row.merged_into for row in rows})
        return current

    def last_sequence(self) -> int:
        return int(self._connection.scalar(select(counters.c.value).where(counters.c.name == COUNTER)) or 0)

    def next_sequences(self, count: int) -> range:
        last = take_numbers(self._connection, COUNTER, count)
        return range(last - count + 1, last + 1)

    def releases_after(self, sequence: int) -> list[Release]:
        rows = self._connection.execute(
            select(*_COLUMNS)
            .where(releases.c.sequence > sequence, releases.c.hidden_at.is_(None))
            .order_by(releases.c.sequence)
        )
        return [_release(row) for row in rows]

    def releases_of(self, item_ids: Collection[int]) -> dict[int, list[Release]]:
        current = self.current_ids(item_ids)
        found = self._visible_releases(current.values())
        return {asked: found[id] for asked, id in current.items()}

    def visible_languages(self, item_ids: Collection[int]) -> dict[int, frozenset[str]]:
        current = self.current_ids(item_ids)
        found: dict[int, set[str]] = {id: set() for id in current.values()}
        for batch in batches(found):
            for item, language in self._connection.execute(_LANGUAGES, {"ids": batch}):
                found[item].add(language)
        return {asked: frozenset(found[id]) for asked, id in current.items()}

    def _visible_releases(self, ids: Iterable[int]) -> dict[int, list[Release]]:
        found: dict[int, list[Release]] = {id: [] for id in ids}
        for batch in batches(found):
            for row in self._connection.execute(_VISIBLE, {"ids": batch}):
                found[row.item_id].append(_release(row))
        return found

    def past_releases(self, item_id: int) -> Mapping[str, PastRelease]:
        visible = select(releases.c.language).where(releases.c.item_id == item_id, releases.c.hidden_at.is_(None))
        rows = self._connection.execute(
            select(*_COLUMNS, releases.c.hidden_at)
            .where(releases.c.item_id == item_id, releases.c.language.not_in(visible))
            .order_by(releases.c.sequence)
        )
        return {row.language: PastRelease(_release(row), row.hidden_at) for row in rows}

    def add_releases(self, releases_: Iterable[Release]) -> None:
        rows = [
            {
                "sequence": told.sequence,
                "item_id": told.item_id,
                "language": told.language,
                "released_at": told.released_at,
            }
            for told in releases_
        ]
        if rows:
            self._connection.execute(insert(releases), rows)

    def move_releases(self, sequences: Collection[int], item_id: int) -> None:
        self._set(sequences, item_id=item_id)

    def hide_releases(self, sequences: Collection[int], now: datetime) -> None:
        self._set(sequences, hidden_at=now)

    def show_releases(self, sequences: Collection[int]) -> None:
        self._set(sequences, hidden_at=None)

    def _set(self, sequences: Collection[int], **values: object) -> None:
        for batch in batches(sequences):
            self._connection.execute(update(releases).where(releases.c.sequence.in_(batch)).values(**values))

    def _move_all_releases(self, item_id: int, into: int) -> None:
        self._connection.execute(update(releases).where(releases.c.item_id == item_id).values(item_id=into))

    def _visible_items(self, ids: Collection[int]) -> set[int]:
        found: set[int] = set()
        for batch in batches(ids):
            found.update(
                self._connection.scalars(
                    select(func.distinct(releases.c.item_id)).where(
                        releases.c.item_id.in_(batch), releases.c.hidden_at.is_(None)
                    )
                )
            )
        return found


def _release(row: Any) -> Release:
    return Release(row.sequence, row.item_id, row.language, row.released_at)
