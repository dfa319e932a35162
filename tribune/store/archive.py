"""Queries of the public archive. Implements tribune.ports.archive.Archive."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, exists, func, or_, select, tuple_

from tribune.domain.archive import EVERYWHERE, ISSUES, Listing, Order, PublicEdition, Reading, Selection, base_language
from tribune.domain.audience import Cadence, Fallback
from tribune.domain.items import Release
from tribune.domain.merging import Content
from tribune.store import listings as rows
from tribune.store import search
from tribune.store.release_queries import batches
from tribune.store.tables import editions, items, listing_codes, listings, mailings, releases

_l = listings.c
_COLUMNS = (_l.item_id, _l.language, _l.version, _l.sequence, _l.released_at, _l.updated_at, _l.kind, _l.slug)
MANY = 2_000
DEEP = 1_000
SPANS = 50
_other = listings.alias()
_ISSUES = [cadence.value for cadence in ISSUES]


class SqlArchive:
    """Lists of what is visible, from rows of their own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- lists ------------------------------------------------------------------------------------------------

    def newest(
        self,
        reading: Reading,
        any_of: Sequence[Selection] = (),
        *,
        limit: int,
        offset: int = 0,
        order: Order = Order.DAY,
    ) -> list[Listing]:
        by = (_l.day.desc(), _l.sequence.desc()) if order is Order.DAY else (_l.sequence.desc(),)
        few = self._are_few(any_of)
        shown = _shown_to(reading, walking=not few, deep=offset > DEEP)
        wanted = select(*_COLUMNS).where(shown, _asked_for(any_of, few=few)).order_by(*by)
        wanted = wanted.limit(limit).offset(offset)
        return [Listing(*row) for row in self._connection.execute(wanted)]

    def count(self, reading: Reading, any_of: Sequence[Selection] = ()) -> int:
        every = reading.fallback is Fallback.SOURCE
        named = _one_axis(any_of) if every else None
        told: Select[int]
        if named:
            codes = listing_codes.c
            told = select(func.count(codes.item_id.distinct())).where(codes.axis == named[0], codes.code.in_(named[1]))
        else:
            # One row, whichever, of each item that the reader is shown.
            shown = _l.base == rows.ANY_OTHER if every else _shown_to(reading)
            told = select(func.count()).select_from(listings).where(shown, _asked_for(any_of))
        return int(self._connection.scalar(told) or 0)

    def found(self, text: str, language: str, *, kind: str | None = None, limit: int) -> list[tuple[int, str]]:
        return search.find(self._connection, text, language, kind=kind, limit=limit)

    def among(self, ids: Collection[int], selection: Selection) -> set[int]:
        found: set[int] = set()
        for batch in batches(ids):
            found.update(
                self._connection.scalars(
                    select(_l.item_id).where(_l.item_id.in_(batch), _l.base == rows.ANY_OTHER, _asked_for([selection]))
                )
            )
        return found

    def versions(self, ids: Collection[int]) -> dict[int, dict[str, Listing]]:
        found: dict[int, dict[str, Listing]] = {}
        for batch in batches(ids):
            asked = select(_l.base, *_COLUMNS).where(_l.item_id.in_(batch), _l.base != rows.ANY_OTHER)
            for base, *row in self._connection.execute(asked):
                found.setdefault(row[0], {})[base] = Listing(*row)
        return found

    def others(self, ids: Collection[int]) -> dict[int, Listing]:
        found: dict[int, Listing] = {}
        for batch in batches(ids):
            asked = select(*_COLUMNS).where(_l.item_id.in_(batch), _l.base == rows.ANY_OTHER)
            found.update({row.item_id: Listing(*row) for row in self._connection.execute(asked)})
        return found

    def codes(self, axis: str) -> Mapping[str, int]:
        counted = (
            select(listing_codes.c.code, func.count())
            .where(listing_codes.c.axis == axis, listing_codes.c.code != EVERYWHERE)
            .group_by(listing_codes.c.code)
        )
        return {row[0]: row[1] for row in self._connection.execute(counted)}

    def named(self, axis: str, codes: Collection[str]) -> set[str]:
        wanted = sorted(codes)
        if not wanted:
            return set()
        found = self._connection.execute(_each_named(axis, tuple(wanted))).one()
        return {code for code, is_named in zip(wanted, found, strict=True) if is_named}

    def was_released(self, item: int) -> bool:
        found = self._connection.execute(select(releases.c.sequence).where(releases.c.item_id == item).limit(1))
        return found.first() is not None

    def part(self, first: int, last: int) -> list[Listing]:
        asked = (
            select(*_COLUMNS)
            .where(_l.item_id.between(first, last), _l.base != rows.ANY_OTHER)
            .order_by(_l.item_id, _l.base)
        )
        return [Listing(*row) for row in self._connection.execute(asked)]

    def parts(self, size: int) -> list[int]:
        after = select(func.min(_l.item_id)).where(_l.item_id > bindparam("last"))
        found: list[int] = []
        while (first := self._connection.scalar(after, {"last": found[-1] * size if found else 0})) is not None:
            found.append((first - 1) // size + 1)
        return found

    def last_change(self) -> datetime | None:
        # OFFSET 0: PostgreSQL walks the index from its end, and looks up no more than what it meets.
        was_visible = select(releases.c.sequence).where(releases.c.item_id == items.c.id).offset(0).exists()
        asked = select(items.c.updated_at).where(items.c.embargo_until.is_(None), was_visible)
        found: datetime | None = self._connection.scalar(asked.order_by(items.c.updated_at.desc()).limit(1))
        return found

    def _are_few(self, any_of: Sequence[Selection]) -> bool:
        """Whether so few items name what is asked for that it is quicker to look them up than to walk through a list,
        the newest first, until enough of them have been met."""
        return bool(any_of) and all(self._names_few(one) for one in any_of)

    def _names_few(self, selection: Selection) -> bool:
        for axis, codes in _axes(selection):
            named = _named(axis, codes).limit(MANY).subquery()
            if (self._connection.scalar(select(func.count()).select_from(named)) or 0) < MANY:
                return True
        return False

    # -- editions ---------------------------------------------------------------------------------------------

    def editions(self, digests: Collection[str], first: str, last: str) -> list[PublicEdition]:
        asked = select(editions).where(_of(digests), editions.c.occasion.between(first, last), _began())
        return self._with_dues(self._connection.execute(asked).all())

    def issue_day(self, digests: Collection[str], *, before: str = "", after: str = "") -> str | None:
        day = editions.c.occasion
        asked = select(func.max(day) if before else func.min(day)).where(_of(digests), _began())
        found: str | None = self._connection.scalar(asked.where(day < before if before else day > after))
        return found

    def edition(self, digest: str, cadence: Cadence, occasion: str) -> PublicEdition | None:
        asked = select(editions).where(
            editions.c.digest == digest, editions.c.cadence == cadence.value, editions.c.occasion == occasion, _began()
        )
        return next(iter(self._with_dues(self._connection.execute(asked).all())), None)

    def _with_dues(self, found: Sequence[Any]) -> list[PublicEdition]:
        dues: dict[int, tuple[datetime, datetime]] = {}
        for batch in batches(row.id for row in found):
            asked = (
                select(mailings.c.edition_id, func.min(mailings.c.due_at), func.max(mailings.c.planned_at))
                .where(mailings.c.edition_id.in_(batch))
                .group_by(mailings.c.edition_id)
            )
            dues.update({edition: (first, last) for edition, first, last in self._connection.execute(asked)})
        return [PublicEdition(row.digest, Cadence(row.cadence), row.occasion, *dues[row.id]) for row in found]

    def digests(self) -> list[str]:
        # From one to the next in the index: of messages at once there are many editions.
        after = select(func.min(editions.c.digest)).where(editions.c.digest > bindparam("last"))
        found: list[str] = []
        while (one := self._connection.scalar(after, {"last": found[-1] if found else ""})) is not None:
            found.append(one)
        return found

    def first_dues(self, issues: Collection[tuple[str, Cadence, str]]) -> Mapping[tuple[str, Cadence, str], datetime]:
        named = (editions.c.digest, editions.c.cadence, editions.c.occasion)
        found: dict[tuple[str, Cadence, str], datetime] = {}
        for batch in batches(set(issues)):
            asked = (
                select(*named, func.min(mailings.c.due_at))
                .join(mailings, editions.c.id == mailings.c.edition_id)
                .where(tuple_(*named).in_([(digest, cadence.value, day) for digest, cadence, day in batch]))
                .group_by(*named)
            )
            rows_ = self._connection.execute(asked)
            found.update({(digest, Cadence(cadence), day): due for digest, cadence, day, due in rows_})
        return found

    def withdrawn_between(
        self, spans: Sequence[tuple[datetime, datetime, datetime]], kinds: Collection[str] = ()
    ) -> list[bool]:
        found: list[bool] = []
        for start in range(0, len(spans), SPANS):
            some = spans[start : start + SPANS]
            told = {
                f"{name}{place}": instant
                for place, span in enumerate(some)
                for name, instant in zip(("after", "until", "left"), span, strict=True)
            }
            asked = _each_withdrawn(len(some), tuple(sorted(kinds)))
            found += map(bool, self._connection.execute(asked, told).one())
        return found

    def releases_between(self, after: datetime, until: datetime) -> list[Release]:
        asked = (
            select(releases.c.sequence, releases.c.item_id, releases.c.language, releases.c.released_at)
            .where(releases.c.released_at > after, releases.c.released_at <= until)
            .order_by(releases.c.sequence)
        )
        return [Release(*row) for row in self._connection.execute(asked)]

    def released_until(self, ids: Collection[int], until: datetime) -> dict[int, list[str]]:
        found: dict[int, dict[str, None]] = {}
        for batch in batches(ids):
            asked = (
                select(releases.c.item_id, releases.c.language)
                .where(releases.c.item_id.in_(batch), releases.c.released_at <= until)
                .order_by(releases.c.sequence)
            )
            for item, language in self._connection.execute(asked):
                found.setdefault(item, {})[language] = None
        return {item: list(languages) for item, languages in found.items()}

    def source_languages(self, ids: Collection[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        for batch in batches(ids):
            told = items.c.content["source_language"].as_string()
            rows_ = self._connection.execute(select(items.c.id, told).where(items.c.id.in_(batch)))
            found.update({row[0]: row[1] for row in rows_})
        return found

    # -- writes -----------------------------------------------------------------------------------------------

    def list_item(self, item_id: int, content: Content, now: datetime) -> None:
        rows.write(self._connection, item_id, content, now)

    def unlist(self, item_id: int) -> None:
        rows.remove(self._connection, item_id)


@lru_cache(maxsize=16)
def _each_named(axis: str, codes: tuple[str, ...]) -> Select[Any]:
    """A column for each code. Kept: building it costs more than running it."""
    each = (exists().where(listing_codes.c.axis == axis, listing_codes.c.code == code) for code in codes)
    return Select(*each)


@lru_cache(maxsize=100)
def _each_withdrawn(count: int, kinds: tuple[str, ...]) -> Select[Any]:
    """A column for each span: 1 where nothing of it is visible and something was withdrawn. Kept, as above."""
    return Select(*(_withdrawn(place, kinds) for place in range(count)))


def _withdrawn(place: int, kinds: tuple[str, ...]) -> ColumnElement[int]:
    released = and_(
        releases.c.released_at > bindparam(f"after{place}", type_=releases.c.released_at.type),
        releases.c.released_at <= bindparam(f"until{place}", type_=releases.c.released_at.type),
    )
    shown = select(_l.item_id).join(releases, releases.c.item_id == _l.item_id)
    shown = shown.where(released, _l.base == rows.ANY_OTHER)
    gone = select(items.c.id).join(releases, releases.c.item_id == items.c.id)
    gone = gone.where(released, items.c.withdrawn_at >= bindparam(f"left{place}", type_=items.c.withdrawn_at.type))
    if kinds:
        shown, gone = shown.where(_l.kind.in_(kinds)), gone.where(items.c.kind.in_(kinds))
    return case((shown.exists(), 0), (gone.exists(), 1), else_=0)


def _shown_to(reading: Reading, *, walking: bool = False, deep: bool = False) -> ColumnElement[bool]:
    """The one row of each item that the reader is shown: of their first language that it has, else that of others.

    `walking`: the rows come in the order of an index, and a database must not prefer to look bases up. `deep`: so many
    of them are passed over that it may do all at once.
    """
    base: ColumnElement[str] = _l.base + "" if walking else _l.base
    bases = list(dict.fromkeys(base_language(language) for language in reading.languages))
    ways: list[ColumnElement[bool]] = [
        and_(base == own, _has_none_of(bases[:place], one_by_one=not deep)) if place else base == own
        for place, own in enumerate(bases)
    ]
    if reading.fallback is Fallback.SOURCE:
        ways.append(and_(base == rows.ANY_OTHER, _has_none_of(bases, one_by_one=not deep)))
        bases = [*bases, rows.ANY_OTHER]
    # Said twice, so that rows are looked up by item and base.
    return or_(*ways) if walking else and_(base.in_(bases), or_(*ways))


def _has_none_of(bases: Sequence[str], *, one_by_one: bool) -> ColumnElement[bool]:
    """That an item has a version in none of these. `one_by_one`: OFFSET 0, here and below, keeps PostgreSQL from
    joining or hashing all there is before it shows the first row."""
    other = select(_other.c.item_id).where(_other.c.item_id == _l.item_id, _other.c.base.in_(bases))
    other = other.correlate(listings)
    return ~(other.offset(0) if one_by_one else other).exists()


def _axes(selection: Selection) -> Iterator[tuple[str, frozenset[str]]]:
    """The axes on which a selection narrows, with the codes that items on it name."""
    if selection.topics:
        yield rows.TOPICS, selection.topics
    if selection.places:
        yield rows.PLACES, selection.places | {EVERYWHERE} if selection.everywhere else selection.places


def _named(axis: str, codes: Collection[str]) -> Select[int]:
    return select(listing_codes.c.item_id).where(listing_codes.c.axis == axis, listing_codes.c.code.in_(sorted(codes)))


def _asked_for(any_of: Sequence[Selection], *, few: bool = True) -> ColumnElement[bool]:
    return or_(*(_fits(one, few=few) for one in any_of)) if any_of else _l.item_id.is_not(None)


def _fits(selection: Selection, *, few: bool) -> ColumnElement[bool]:
    told: list[ColumnElement[bool]] = [_l.item_id.is_not(None)]
    if selection.kinds:
        told.append(_l.kind.in_(sorted(selection.kinds)))
    for axis, codes in _axes(selection):
        named = _named(axis, codes)
        own = named.where(listing_codes.c.item_id == _l.item_id).correlate(listings).offset(0).exists()
        told.append(_l.item_id.in_(named) if few else own)
    return and_(*told)


def _one_axis(any_of: Sequence[Selection]) -> tuple[str, list[str]] | None:
    """Axis and codes, where nothing else is asked for."""
    if len(any_of) != 1 or any_of[0].kinds or any_of[0].everywhere or bool(any_of[0].topics) == bool(any_of[0].places):
        return None
    only = any_of[0]
    return (rows.TOPICS, sorted(only.topics)) if only.topics else (rows.PLACES, sorted(only.places))


def _of(digests: Collection[str]) -> ColumnElement[bool]:
    return and_(editions.c.digest.in_(sorted(digests)), editions.c.cadence.in_(_ISSUES))


def _began() -> ColumnElement[bool]:
    return exists().where(
        mailings.c.edition_id == editions.c.id, mailings.c.started_at.is_not(None), mailings.c.recipients > 0
    )
