"""Take in a file of subscribers (CSV). Good rows are kept, each other row is refused with its reason; a second time
changes nothing. A file that is not UTF-8 is refused whole.

What the file says of an address is what holds for the digests that it names: a subscription that is no longer there
is taken away - but not where one of the address's rows was refused. Who has unsubscribed stays unsubscribed: only
they can come back. Who is paused goes on once the file says `active` in so many words. A large file is read several
times, each time for a part of the addresses, so that memory stays bounded however the rows of an address are
scattered.
"""

from __future__ import annotations

import csv
import gc
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tribune.domain.addresses import address_key
from tribune.domain.audience import Cadence, Fallback, Rhythm, Status, Subscriber, Subscription
from tribune.domain.changes import in_order, resumed, rhythms_in_order
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest, Rules
from tribune.domain.errors import InvalidInput
from tribune.ports.clock import Clock
from tribune.ports.store import AUDIENCE, Store, Transaction
from tribune.services.audience.change_subscribers import Changed, change_subscribers, ensure_cohorts
from tribune.services.audience.refresh_masks import masker, refresh_masks
from tribune.services.audience.subscriber_rows import COLUMNS, REQUIRED, Facts, Refusal, RefusedCell, RowReader, Wish
from tribune.services.planning.wait_for_at_once import catch_up_at_once

BYTES_AT_ONCE = 8_000_000
"""How much of a file one pass takes in: about 70,000 rows."""

PEOPLE_AT_ONCE = 2_000
"""People in one transaction, so that nobody else waits long for the store."""

REFUSALS_KEPT = 1_000

OTHER_GROUP = "other"

SAVE_AS = "Save it as CSV UTF-8."

REACH_BACK = Rules().pause_reach_back


@dataclass(slots=True)
class Import:
    """What came of a file. People are counted as added, changed or unchanged; rows as read and refused.

    `refusals` are the first REFUSALS_KEPT of them.
    """

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(slots=True)
class Told:
    """What the file says of one address. `row` is the first row that does; `partial`: another one was refused."""

    row: int
    address: str
    name: str
    facts: Facts
    wishes: dict[Subscription, None] = field(default_factory=dict)
    rhythms: dict[tuple[str, Cadence], tuple[Wish, int]] = field(default_factory=dict)
    partial: bool = False


def import_subscribers(
    store: Store,
    clock: Clock,
    path: Path,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    *,
    tell: Callable[[Refusal], None] | None = None,
    dry_run: bool = False,
    reach_back: timedelta = REACH_BACK,
) -> Import:
    """Import the file; `tell` hears of every row that is refused; `reach_back` is what is made up for at the end of a
    pause. Raises InvalidInput where it is no such file."""
    done = Import()

    def refuse(refusal: Refusal) -> None:
        done.refused += 1
        if len(done.refusals) < REFUSALS_KEPT:
            done.refusals.append(refusal)
        if tell is not None:
            tell(refusal)

    refuse_other_encodings(path)
    header, dialect = read_header(path)
    if not dry_run:
        refresh_masks(store, codelists)
    reader = RowReader(header, digests, codelists)
    buckets = max(1, -(-path.stat().st_size // BYTES_AT_ONCE))
    with _collector_at_rest():
        for bucket in range(buckets):
            told = _gather(_rows(path, dialect, len(header)), reader, refuse, done, bucket, buckets)
            waiting = list(told.items())[::-1]
            del told
            while waiting:  # taken off the end, in the file's order, so that what is stored is also let go
                batch = dict(waiting.pop() for _ in range(min(PEOPLE_AT_ONCE, len(waiting))))
                now = clock.now()
                with store.read() if dry_run else store.write() as tx:
                    if not dry_run:
                        tx.lock(AUDIENCE)
                    settled = _settle(tx, batch, refuse, done, tx.planning.sequence_before(now - reach_back), now)
                    if not dry_run:
                        _store(tx, settled, digests, codelists, now)
            gc.collect()
    return done


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Looking for cycles among 100,000 people again and again takes a third of the time: once a pass is enough."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def read_header(path: Path) -> tuple[list[str], type[csv.Dialect]]:
    """The columns in order, and how cells are parted. Raises InvalidInput."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline(100_000)
    if "\0" in first or not first.strip():
        raise InvalidInput("This is not a CSV file in UTF-8.", where=str(path), hint=SAVE_AS)

    class Parted(csv.excel):
        delimiter = max(",;\t", key=first.count)

    header = [cell.strip().lower() for cell in next(csv.reader([first], Parted))]
    while header and not header[-1]:
        header.pop()
    for name in header:
        if name not in COLUMNS:
            import difflib

            near = difflib.get_close_matches(name, COLUMNS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Columns are {', '.join(COLUMNS)}."
            raise InvalidInput(f"There is no column {name!r}.", where=f"{path}, row 1", hint=hint)
        if header.count(name) > 1:
            raise InvalidInput(f"The column {name!r} stands twice.", where=f"{path}, row 1", hint="Keep one of them.")
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise InvalidInput(
            f"The first row names no column {' and no column '.join(missing)}.",
            where=f"{path}, row 1",
            hint=f"Columns are {', '.join(COLUMNS)}.",
        )
    return header, Parted


def refuse_other_encodings(path: Path) -> None:
    """Once for the file: row by row, those with an accent would be missing. Raises InvalidInput."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                looks = "; it looks like Windows-1252" if _reads_as_windows_1252(line) else ""
                what = f"This file is not UTF-8{looks}. Nothing was taken in."
                raise InvalidInput(what, where=f"{path}, line {number}", hint=SAVE_AS) from None


def _reads_as_windows_1252(line: bytes) -> bool:
    try:
        return "\0" not in line.decode("cp1252")
    except UnicodeDecodeError:
        return False


def _rows(path: Path, dialect: type[csv.Dialect], width: int) -> Iterator[tuple[int, list[str] | Refusal]]:
    """(row number, cells) after the header; blank rows are passed over."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = enumerate(csv.reader(file, dialect), start=1)
        number = 0
        try:
            for number, cells in rows:
                if number == 1 or not any(cells):
                    continue
                if len(cells) > width and any(cell.strip() for cell in cells[width:]):
                    reason = f"The row has {len(cells)} cells, the first row {width}."
                    yield number, Refusal(number, "", "", reason, "Put cells that hold separators in quotation marks.")
                else:
                    yield number, cells
        except csv.Error as error:
            hint = "A quotation mark may be left open; nothing after it could be read."
            yield number + 1, Refusal(number + 1, "", "", f"From here on the file cannot be read: {error}.", hint)


def _gather(
    rows: Iterable[tuple[int, list[str] | Refusal]],
    reader: RowReader,
    refuse: Callable[[Refusal], None],
    done: Import,
    bucket: int,
    buckets: int,
) -> dict[str, Told]:
    """What the rows say, per folded address: those of one bucket. Rows that cannot be read count to bucket 0."""
    people: dict[str, Told] = {}
    broken: set[str] = set()
    for number, row in rows:
        if buckets > 1 and bucket != (0 if isinstance(row, Refusal) else zlib.crc32(reader.key(row)) % buckets):
            continue
        done.rows += 1
        key = ""
        try:
            if isinstance(row, Refusal):
                raise RefusedCell(row.column, row.value, row.reason, row.hint)
            row = reader.padded(row)
            address = reader.address(row)
            key = address_key(address)
            _take(people, key, number, address, reader.name(row), reader.facts(row), reader.wish(row))
        except RefusedCell as error:
            broken.add(key)
            refuse(error.at(number))
    for key in broken & people.keys():
        people[key].partial = True
    return people


def _take(people: dict[str, Told], key: str, row: int, address: str, name: str, facts: Facts, wish: Wish) -> None:
    """Add a row to what is known of its address. Raises RefusedCell where it contradicts an earlier one."""
    told = people.get(key)
    if told is None:
        for column in ("languages", "zone"):
            if getattr(facts, column) is None:
                raise RefusedCell(column, "", "The cell is empty.", "Fill it in the first row of an address.")
        told = Told(row, address, name, facts)
    elif (name and name != told.name) or facts is not told.facts:
        for column, here, there in (("name", name or None, told.name), *_pairs(facts, told.facts)):
            if here is not None and here != there:
                shown = "|".join(here) if isinstance(here, tuple) else str(here)
                raise RefusedCell(column, shown, f"Row {told.row} says otherwise for this address.", "Make them agree.")
    rhythm = (wish.digest, wish.cadence)
    earlier = told.rhythms.get(rhythm)
    if earlier is None:
        told.rhythms[rhythm] = (wish, row)
    else:
        for column in ("weekday", "hour", "status"):
            here, there = getattr(wish, column), getattr(earlier[0], column)
            if column == "status":
                here, there = here or Status.ACTIVE, there or Status.ACTIVE
            if here != there:
                raise RefusedCell(
                    column,
                    str(here),
                    f"Row {earlier[1]} has another {column} for this address, digest and cadence.",
                    "A person has one rhythm for each.",
                )
        if earlier[0].status is None:
            told.rhythms[rhythm] = (wish, earlier[1])
    told.wishes[Subscription(wish.digest, wish.cadence, wish.choice)] = None
    people[key] = told


def _pairs(one: Facts, other: Facts) -> Iterator[tuple[str, object, object]]:
    yield "group", one.group, other.group or OTHER_GROUP
    yield "languages", one.languages, other.languages
    yield "zone", one.zone, other.zone
    yield "fallback", one.fallback, other.fallback or Fallback.SOURCE


@dataclass(frozen=True, slots=True)
class Settled:
    """Who is new, who goes on after a pause (and is otherwise as before), and who is other than before."""

    added: list[Subscriber] = field(default_factory=list)
    woken: list[Subscriber] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)


def _settle(
    tx: Transaction,
    batch: Mapping[str, Told],
    refuse: Callable[[Refusal], None],
    done: Import,
    before_reach: int,
    now: datetime,
) -> Settled:
    """What is to be stored. `before_reach`: the last sequence number that is not made up for after a pause."""
    known = tx.audience.by_keys(batch)
    suppressed = tx.audience.suppressed([told.address for told in batch.values()])
    horizon = tx.catalogue.last_sequence()
    settled = Settled()
    for key, told in batch.items():
        why = suppressed.get(told.address)
        if why is not None:
            refuse(Refusal(told.row, "address", told.address, f"This address is never mailed: {why}."))
            continue
        old = known.get(key)
        gone = _gone(old, told) if old is not None else {}
        for digest, row in gone.items():
            reason = f"They have unsubscribed from {digest}."
            refuse(Refusal(row, "address", told.address, reason, "Only they themselves can subscribe again."))
        wakes = old is not None and _wakes(old, told, gone)
        if old is not None and wakes:
            old = resumed(old, before_reach)
            settled.woken.append(old)
        new = _as_told(old, told, gone, horizon, now)
        if old is None:
            settled.added.append(new)
        elif new == old and not wakes:
            done.unchanged += 1
        else:
            settled.changed.append((old, new))
    done.added += len(settled.added)
    done.changed += len(settled.changed)
    return settled


def _store(
    tx: Transaction, settled: Settled, digests: Mapping[str, Digest], codelists: Codelists, now: datetime
) -> None:
    tx.audience.add(settled.added, masker(tx, codelists), now)
    ensure_cohorts(tx, settled.added, now)
    for person in settled.woken:  # first: a change of choice then carries over no more than what is made up for
        tx.audience.set_stopped(person, now)
    if settled.changed:
        change_subscribers(tx, settled.changed, digests, codelists, now)
    catch_up_at_once(tx, settled.woken, now)


def _wakes(old: Subscriber, told: Told, gone: Mapping[str, int]) -> bool:
    """Whether the file ends this person's pause. An empty cell leaves it, and so does a row that was refused."""
    said = {wish.status for wish, _ in told.rhythms.values() if wish.digest not in gone}
    if old.paused_until is not None:
        return False  # they said themselves until when
    return old.status is Status.PAUSED and not told.partial and Status.ACTIVE in said and Status.PAUSED not in said


def _gone(old: Subscriber, told: Told) -> dict[str, int]:
    """Digests that the person has unsubscribed from and the file would bring back -> the row that says so."""
    stopped = {r.digest for r in old.rhythms if r.stopped_at is not None}
    return {
        digest: row
        for (digest, _), (wish, row) in reversed(told.rhythms.items())
        if wish.status is not Status.UNSUBSCRIBED and (digest in stopped or old.status is Status.UNSUBSCRIBED)
    }


def _as_told(old: Subscriber | None, told: Told, gone: Mapping[str, int], horizon: int, now: datetime) -> Subscriber:
    """The person as the file wants them. Cells that are empty leave what is there; marks begin at `horizon`."""
    named = {digest for digest, _ in told.rhythms} - gone.keys()
    if old is not None and not named:
        return old
    before = {(r.digest, r.cadence): r for r in old.rhythms} if old is not None else {}
    wishes = {wish: None for wish in told.wishes if wish.digest in named}
    rhythms = {key: r for key, r in before.items() if key[0] not in named or told.partial}
    for key, (wish, _) in told.rhythms.items():
        if wish.digest in named:
            was = before.get(key)
            stop = ((was and was.stopped_at) or now) if wish.status is Status.UNSUBSCRIBED else None
            mark, last_date = (was.mark, was.last_date) if was is not None else (horizon, None)
            rhythms[key] = Rhythm(wish.digest, wish.cadence, wish.weekday, wish.hour, mark, last_date, stop)
    for had in old.subscriptions if old is not None else ():
        if had.digest not in named or told.partial:
            wishes[had] = None
    status = old.status if old is not None else Status.ACTIVE
    if all(r.stopped_at is not None for r in rhythms.values()):
        status = Status.UNSUBSCRIBED
    elif status is Status.ACTIVE and any(wish.status is Status.PAUSED for wish, _ in told.rhythms.values()):
        status = Status.PAUSED
    facts = told.facts
    return Subscriber(
        id=old.id if old is not None else 0,
        address=told.address,
        name=told.name or (old.name if old is not None else ""),
        group=facts.group or (old.group if old is not None else OTHER_GROUP),
        languages=facts.languages or (),
        zone=facts.zone or "",
        fallback=facts.fallback or (old.fallback if old is not None else Fallback.SOURCE),
        status=status,
        subscriptions=in_order(wishes),
        rhythms=rhythms_in_order(rhythms.values()),
        paused_until=old.paused_until if old is not None and status is Status.PAUSED else None,
    )
