"""What a file says of each address. A file is read twice: first which addresses it names more than once, then the rows;
so whoever stands in one row passes straight through, and memory holds only those whose rows have not all come yet.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from tribune.domain.audience import Cadence, Status, Subscription
from tribune.domain.changes import in_order, rhythms_in_order
from tribune.domain.imports import Refusal
from tribune.ports.newcomers import Newcomer, Wants
from tribune.services.audience.csv_file import Cells, CsvFile
from tribune.services.audience.subscriber_rows import Facts, RefusedCell, Row, RowReader, Wish

OPEN_AT_ONCE = 50_000
"""Addresses whose rows may be incomplete at the same time; where a file has more, it is read in several passes."""

_KEPT = 20_000


@dataclass(slots=True)
class Told:
    """What the file says of one address. `rows` are those that do, the first one first, with their digests; `partial`:
    another one was refused; `again`: rows that said nothing new."""

    rows: dict[int, str]
    key: str
    address: str
    name: str
    facts: Facts
    wishes: dict[Subscription, None] = field(default_factory=dict)
    rhythms: dict[tuple[str, Cadence], tuple[Wish, int]] = field(default_factory=dict)
    partial: bool = False
    again: list[int] = field(default_factory=list)

    @property
    def first(self) -> int:
        return next(iter(self.rows))

    @staticmethod
    def of(row: Row) -> Told:
        """Of an address that stands in one row."""
        told = Told({}, row.key, row.address, row.name, row.facts)
        told.take(row)
        return told

    def take(self, row: Row) -> None:
        """Add a row. Raises RefusedCell where it contradicts an earlier one."""
        wish = row.wish
        if row.facts.tags and row.facts.tags != self.facts.tags:
            self.facts = replace(self.facts, tags=tuple(dict.fromkeys((*self.facts.tags, *row.facts.tags))))
        if (row.name and row.name != self.name) or row.facts is not self.facts:
            for column, here, there in (("name", row.name or None, self.name), *_pairs(row.facts, self.facts)):
                if here is not None and here != there:
                    shown = "|".join(here) if isinstance(here, tuple) else str(here)
                    reason = f"Row {self.first} says otherwise for this address."
                    raise RefusedCell(column, shown, reason, "Make them agree.")
        rhythm = (wish.digest, wish.cadence)
        earlier = self.rhythms.get(rhythm)
        if earlier is None:
            self.rhythms[rhythm] = (wish, row.number)
        else:
            for column in ("weekday", "hour", "status"):
                mine, other = getattr(wish, column), getattr(earlier[0], column)
                if column == "status":
                    mine, other = mine or Status.ACTIVE, other or Status.ACTIVE
                if mine != other:
                    raise RefusedCell(
                        column,
                        str(mine),
                        f"Row {earlier[1]} has another {column} for this address, digest and cadence.",
                        "A person has one rhythm for each.",
                    )
            if earlier[0].status is None:
                self.rhythms[rhythm] = (wish, earlier[1])
        subscription = Subscription(wish.digest, wish.cadence, wish.choice)
        if subscription in self.wishes:
            self.again.append(row.number)
        else:
            self.rows[row.number] = wish.digest
            self.wishes[subscription] = None


def _pairs(one: Facts, other: Facts) -> Iterator[tuple[str, object, object]]:
    nature = other.nature
    assert nature is not None  # noqa: S101 - `_complete` has looked
    yield "group", one.group, nature.group
    yield "languages", one.languages, nature.languages
    yield "zone", one.zone, nature.zone
    yield "fallback", one.fallback, nature.fallback


Unit = Row | Told | Refusal
"""What is settled as one: a person, or a row that is refused before anybody is asked."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first reading found: how many rows, hashes of addresses that come again -> how often, and how many
    passes it takes to keep few of them open."""

    rows: int
    again: Mapping[int, int]
    passes: int


def survey(file: CsvFile, reader: RowReader, heard: Callable[[int], None] | None = None) -> Survey:
    """Read the file for its addresses only; `heard` is called now and then with the number of rows so far."""
    import numpy as np

    hashes = array("q")
    key, add = reader.key, hashes.append
    for number, cells in file.rows(reader.address_at):
        add(0 if isinstance(cells, Refusal) else hash(key(cells)))
        if heard is not None and not number % 65_536:
            heard(number)
    if not hashes:
        return Survey(0, {}, 1)
    all_ = np.frombuffer(hashes, np.int64)
    order = np.argsort(all_, kind="stable")
    in_order_ = all_[order]
    starts = np.flatnonzero(np.concatenate(([True], in_order_[1:] != in_order_[:-1])))
    counts = np.diff(np.concatenate((starts, [len(all_)])))
    many = counts > 1
    opens = np.zeros(len(all_) + 1, np.int64)
    np.add.at(opens, order[starts[many]], 1)
    np.add.at(opens, order[starts[many] + counts[many] - 1], -1)
    most = int(np.cumsum(opens).max(initial=0))
    again = dict(zip(in_order_[starts[many]].tolist(), counts[many].tolist(), strict=True))
    return Survey(len(all_), again, max(1, -(-most // OPEN_AT_ONCE)))


def units(file: CsvFile, reader: RowReader, found: Survey) -> Iterator[Unit]:
    """Everybody in the file and every row that cannot be taken, in an order that is the same each time."""
    for turn in range(found.passes):
        yield from _one_pass(file, reader, dict(found.again), turn, found.passes)


def _one_pass(file: CsvFile, reader: RowReader, left: dict[int, int], turn: int, passes: int) -> Iterator[Unit]:
    open_: dict[str, Told | None] = {}
    broken: set[str] = set()
    key_of, read = reader.key, reader.row
    for number, cells in file.rows(reader.address_at):
        if isinstance(cells, Refusal):
            if not turn:
                yield cells
            continue
        key = key_of(cells)
        if (hashed := hash(key)) not in left:
            if not turn:
                yield _alone(read, number, cells)
            continue
        if passes > 1 and zlib.crc32(key.encode("utf-8", "surrogatepass")) % passes != turn:
            continue
        left[hashed] -= 1
        try:
            row = read(number, cells)
            told = open_.get(key)
            if told is None:
                told = open_[key] = Told({}, key, row.address, row.name, _complete(row.facts))
            told.take(row)
        except RefusedCell as error:
            broken.add(key)
            open_.setdefault(key, None)
            yield error.at(number)
        if not left[hashed]:
            for whose in [key] if key in open_ else []:
                done = open_.pop(whose)
                if done is not None:
                    done.partial = whose in broken
                    yield done
                broken.discard(whose)
    yield from (told for told in open_.values() if told is not None)  # two addresses with one hash


def _alone(read: Callable[[int, Cells], Row], number: int, cells: Cells) -> Unit:
    try:
        row = read(number, cells)
        _complete(row.facts)
    except RefusedCell as error:
        return error.at(number)
    return row


def _complete(facts: Facts) -> Facts:
    if facts.nature is None:
        raise RefusedCell(facts.lacks, "", "The cell is empty.", "Fill it in the first row of an address.")
    return facts


class Newcoming:
    """Makes newcomers of what the file says; what many want alike is one object."""

    def __init__(self) -> None:
        self._wants: dict[tuple[int, ...], tuple[Wants, list[Wish]]] = {}

    def __call__(self, unit: Row | Told) -> Newcomer:
        """The person."""
        nature = unit.facts.nature
        assert nature is not None  # noqa: S101 - `_complete` has looked
        wants = unit.wish.wants if isinstance(unit, Row) else self._of_many(unit)
        return Newcomer(unit.address, unit.key, unit.name, nature, wants)

    def _of_many(self, told: Told) -> Wants:
        wishes = [wish for wish, _ in told.rhythms.values()]
        if len(told.wishes) > len(wishes):  # several subscriptions in one rhythm: not worth remembering
            return _wants(told, wishes)
        ids = tuple(map(id, wishes))
        kept = self._wants.get(ids)
        if kept is None:
            if len(self._wants) >= _KEPT:
                self._wants.clear()
            kept = self._wants[ids] = (_wants(told, wishes), wishes)
        return kept[0]


def _wants(told: Told, wishes: list[Wish]) -> Wants:
    rhythms = [rhythm for wish in wishes for rhythm in wish.wants.rhythms]
    left = all(rhythm.stopped_at is not None for rhythm in rhythms)
    paused = any(wish.status is Status.PAUSED for wish in wishes)
    status = Status.UNSUBSCRIBED if left else Status.PAUSED if paused else Status.ACTIVE
    return Wants(in_order(told.wishes), rhythms_in_order(rhythms), status)
