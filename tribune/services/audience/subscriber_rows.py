"""Rows of a subscribers' file. A row that is wrong says which cell, and what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import NamedTuple, TypeVar

from tribune.domain.addresses import address_key, plain
from tribune.domain.audience import Cadence, Choice, Fallback, Rhythm, Status, Subscription
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest
from tribune.domain.schedule import cohort_weekday
from tribune.ports.newcomers import Nature, Wants
from tribune.services.audience import subscriber_cells as cell_of
from tribune.services.audience.subscriber_cells import (
    MAX_NAME,
    WEEKDAYS,
    RefusedCell,
    one_line,
    read_address,
    read_name,
    split,
    text_of,
    typed_name,
)

__all__ = [
    "COLUMNS",
    "REQUIRED",
    "WEEKDAYS",
    "Facts",
    "RefusedCell",
    "Row",
    "RowReader",
    "Wish",
    "read_address",
    "read_name",
    "typed_name",
]

COLUMNS = (
    *("address", "name", "group", "languages", "zone", "fallback", "digest"),
    *("policy_areas", "places", "kinds", "cadence", "weekday", "hour", "status", "tags"),
)
_FACTS = ("group", "languages", "zone", "fallback", "tags")
_WISH = ("digest", "policy_areas", "places", "kinds", "cadence", "weekday", "hour", "status")
REQUIRED = ("address", "languages", "zone")

OTHER_GROUP = "other"

STOPPED = datetime(1, 1, 1, tzinfo=UTC)
"""In a rhythm of Wants: it was stopped; its time is that of the import."""

_CACHED = 20_000
_SUGGESTIONS = 2_000
"""Looking for what a wrong word is like takes milliseconds: no more often than that for a file."""

T = TypeVar("T")
Told = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Who a person is, address and name aside, as the row's own cells say. None: the cell was empty, so that an earlier
    row holds, or what is known of the person. `nature`: the same with the defaults, for somebody who is new (None:
    neither a cell nor a default fills the column that `lacks` names)."""

    group: str | None
    languages: tuple[str, ...] | None
    zone: str | None
    fallback: Fallback | None
    tags: tuple[str, ...] = ()
    nature: Nature | None = field(default=None, compare=False, repr=False)
    lacks: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """One subscription with its rhythm, as a row tells it. `status` None: the cell was empty. `silent`: the file has no
    column about what people want, so this is for who is new only: a default says nothing of who is there.
    `wants`: of somebody whose only one it is."""

    digest: str
    cadence: Cadence
    choice: Choice
    weekday: int
    hour: int
    status: Status | None
    silent: bool
    wants: Wants = field(compare=False, repr=False)


class Row(NamedTuple):
    """A row that can be read. `key` is the folded address."""

    number: int
    key: str
    address: str
    name: str
    facts: Facts
    wish: Wish


class RowReader:
    """Reads cells into facts. The same cells are read once: files repeat themselves.

    `columns` names each of the file's columns ("": it is passed over); `defaults` is what holds for who is new where
    the file has no such column or the cell is empty. Tags among them are for everybody. `address_at` is the column of
    the addresses.
    """

    def __init__(
        self,
        columns: Sequence[str],
        digests: Mapping[str, Digest],
        codelists: Codelists,
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        self.width = len(columns)
        absent = [name for name in COLUMNS if name not in columns]
        # What the file does not have is read from behind its end, where `row` puts it.
        places = {name: list(columns).index(name) for name in COLUMNS if name in columns}
        places |= {name: self.width + n for n, name in enumerate(absent)}
        self._defaults = dict(defaults or {})
        self._behind = [self._defaults.get(name, "") if name in ("address", "name") else "" for name in absent]
        self._address_at, self._name_at = places["address"], places["name"]
        self.address_at = places["address"] if "address" in columns else None
        self._facts_of = itemgetter(*(places[name] for name in _FACTS))
        self._wish_of = itemgetter(*(places[name] for name in _WISH))
        self._digests = digests
        self._codelists = codelists
        self._facts: dict[tuple[str, ...], Facts | RefusedCell] = {}
        self._wishes: dict[tuple[str, ...], Wish | RefusedCell] = {}
        self._axes: dict[str, dict[str, frozenset[str]]] = {"policy_areas": {}, "places": {}, "kinds": {}}
        self._suggestions = _SUGGESTIONS
        self.tells_tags = "tags" in columns or bool(self._defaults.get("tags"))
        self._silent = not any(name in columns for name in _WISH)

    def key(self, cells: Sequence[str]) -> str:
        """The same text for every row of an address, before it is known to be one. Any row will do."""
        cell = cells[self._address_at] if len(cells) > self._address_at else ""
        if cell.isascii() and cell[:1] != "'":
            return cell.strip().lower()
        return address_key(text_of(cell))

    def row(self, number: int, cells: list[str]) -> Row:
        """The row, whose cells are kept. Raises RefusedCell."""
        short = self.width - len(cells)
        if short:
            cells = cells[: self.width] if short < 0 else cells + [""] * short
        cells += self._behind
        address = cells[self._address_at]
        if address[:1] == "'" or not plain(address):
            address = read_address(text_of(address))
        name = cells[self._name_at]
        if (
            not (name.isascii() and name.isprintable() and name[:1].isalpha() and name[-1:] > " ")
            or len(name) > MAX_NAME
        ):
            name = read_name(one_line(text_of(name)))
        facts = self._facts.get(told := self._facts_of(cells))
        if type(facts) is not Facts:
            facts = self._once(self._facts, told, self._read_facts)
        wish = self._wishes.get(told := self._wish_of(cells))
        if type(wish) is not Wish:
            wish = self._once(self._wishes, told, self._read_wish)
        return Row(number, address.lower() if address.isascii() else address_key(address), address, name, facts, wish)

    def _once(
        self,
        known: dict[tuple[str, ...], T | RefusedCell],
        cells: tuple[str, ...],
        read: Callable[[tuple[str, ...]], T],
    ) -> T:
        found = known.get(cells)
        if found is None:
            if len(known) >= _CACHED:
                known.clear()
            try:
                found = read(cells)
            except RefusedCell as error:
                self._suggestions -= 1
                found = error.with_traceback(None)
            known[cells] = found
        if isinstance(found, RefusedCell):
            # Anew each time: an exception that is raised again drags along every frame that it ever passed.
            raise RefusedCell(found.column, found.value, found.reason, found.hint)
        return found

    def _read_facts(self, cells: tuple[str, ...]) -> Facts:
        group, languages, zone, fallback, tags = self._texts(_FACTS, cells)
        suggest = self._suggestions > 0
        of_group = cell_of.code("group", group, self._codelists.groups, suggest) if group else None
        reads = cell_of.read_languages(languages) if languages else None
        where = cell_of.read_zone(zone, suggest) if zone else None
        otherwise = cell_of.one_of("fallback", fallback, {f.value: f for f in Fallback}) if fallback else None
        nature = (
            Nature(of_group or OTHER_GROUP, reads, otherwise or Fallback.SOURCE, where) if reads and where else None
        )
        own = [bool(text_of(cell)) for cell in cells]
        return Facts(
            of_group if own[0] else None,
            reads if own[1] else None,
            where if own[2] else None,
            otherwise if own[3] else None,
            cell_of.read_tags(tags) if tags else (),
            nature,
            "" if reads and where else "zone" if reads else "languages",
        )

    def _read_wish(self, cells: tuple[str, ...]) -> Wish:
        told, areas, places, kinds, cadence, weekday, hour, status = self._texts(_WISH, cells)
        digest = self._digest(told)
        how_often = cell_of.one_of("cadence", cadence, {c.value: c for c in digest.cadences}, default=Cadence.WEEKLY)
        choice = Choice(self._axis("policy_areas", areas), self._axis("places", places), self._axis("kinds", kinds))
        day = cohort_weekday(
            how_often, cell_of.one_of("weekday", weekday, {d: n for n, d in enumerate(WEEKDAYS)}, default=0, short=3)
        )
        at = 0 if how_often is Cadence.AT_ONCE else cell_of.read_hour(hour)
        state = cell_of.one_of("status", status, _STATUSES) if status else None
        subscription = Subscription(digest.id, how_often, choice)
        rhythm = Rhythm(digest.id, how_often, day, at, stopped_at=STOPPED if state is Status.UNSUBSCRIBED else None)
        wants = Wants((subscription,), (rhythm,), state or Status.ACTIVE)
        return Wish(digest.id, how_often, choice, day, at, state, self._silent, wants)

    def _texts(self, names: Sequence[str], cells: tuple[str, ...]) -> list[str]:
        found = [text_of(cell) for cell in cells]
        for at, name in enumerate(names):
            if not found[at]:
                found[at] = self._defaults.get(name, "")
            elif len(found[at]) > _LONGEST:
                raise RefusedCell(name, found[at], "The cell is too long.", f"At most {_LONGEST} characters.")
        return found

    def _digest(self, told: str) -> Digest:
        if not told and len(self._digests) == 1:
            return next(iter(self._digests.values()))
        return cell_of.one_of("digest", told, self._digests)

    def _axis(self, column: str, cell: str) -> frozenset[str]:
        known = self._axes[column]
        found = known.get(cell)
        if found is None:
            if len(known) >= _CACHED:
                known.clear()
            found = known[cell] = frozenset(self._word(column, word) for word in split(cell))
        return found

    def _word(self, column: str, word: str) -> str:
        suggest = self._suggestions > 0
        if column == "places":
            return cell_of.place(word, self._codelists.places, suggest)
        return cell_of.code(column, word, getattr(self._codelists, column), suggest)


_LONGEST = 4_000
_STATUSES = {s.value: s for s in (Status.ACTIVE, Status.PAUSED, Status.UNSUBSCRIBED)}
