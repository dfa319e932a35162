"""Take in a file of subscribers (CSV). Good rows are kept, each other row is refused with its reason; a second time
changes nothing.

What the file says of an address is what holds for the digests that it names: a subscription that is no longer there
is taken away - but not where one of the address's rows was refused. Who has unsubscribed stays unsubscribed: only
they can come back; so does who is on the suppression list. Who is paused goes on once the file says `active` in so many
words. It is stored in slices, each a unit of work: after a stop, what was settled stands, and the rest can follow.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path

from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest, Rules
from tribune.domain.imports import REFUSALS_KEPT, Basis, Import, Refusal
from tribune.ports.clock import Clock
from tribune.ports.store import AUDIENCE, Store, Transaction
from tribune.services.audience.csv_file import CsvFile, look_at
from tribune.services.audience.import_columns import Told, columns_of
from tribune.services.audience.import_report import Report
from tribune.services.audience.refresh_masks import Masker, masker, refresh_masks
from tribune.services.audience.settle_import import Grounds, Slice, settle
from tribune.services.audience.subscriber_rows import RowReader
from tribune.services.audience.tag_imported import tag_imported
from tribune.services.audience.told_people import Newcoming, Survey, Unit, survey, units

__all__ = ["Columns", "Import", "Refusal", "import_subscribers"]

MOST_AT_ONCE = 2_000
"""People in one transaction. Whoever unsubscribes waits for it: a fifth of a second, a second on a slow machine."""
MOST_CHANGED_AT_ONCE = 500
"""Of these, who is there already and is looked at one by one, which takes ten times as long."""
READ_AT_ONCE = 2_000
AHEAD = 3
"""So many times `READ_AT_ONCE` are read while others are being stored."""
REST_SECONDS = 0.005
"""Between two transactions where a write has the whole store: whoever waits there asks again more often than that
(tribune/store/sqlite.py), and is let in; where there are locks by name, they stand in a queue."""

REACH_BACK = Rules().pause_reach_back

BY_COMMAND = "command"
"""Who imports, as consent records say it, where it was a command of this machine."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which of the file's columns is which (its name -> ours, "" to pass it over; others go by their names; or ours for
    each in order), and what holds where there is no such column, or the cell is empty."""

    told: Told = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)


Settled = Callable[[Transaction, Import, int], None]
"""Told in the unit of work of each slice: what came of the file so far, and how long the report is then. What it raises
undoes the slice and ends the import."""


def import_subscribers(
    store: Store,
    clock: Clock,
    path: Path,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    *,
    basis: Basis,
    by: str = BY_COMMAND,
    columns: Columns = Columns(),
    tell: Callable[[Refusal], None] | None = None,
    report: Report | None = None,
    dry_run: bool = False,
    reach_back: timedelta = REACH_BACK,
    so_far: Import | None = None,
    surveyed: Callable[[int], None] | None = None,
    settled: Settled | None = None,
) -> Import:
    """Import the file; `basis` is what staff say that it rests on, kept with each person who is new or changed.

    `tell` hears of every row that is not taken; `reach_back` is what is made up for at the end of a pause; `so_far` is
    where an import that was stopped goes on; `surveyed` hears how many rows there are. Raises InvalidInput where it is
    no such file.
    """
    file = look_at(path)
    reader = RowReader(columns_of(file.header, columns.told, columns.defaults), digests, codelists, columns.defaults)
    if not dry_run:
        refresh_masks(store, codelists)
    with _collector_at_rest():
        found = survey(file, reader)
        if surveyed is not None:
            surveyed(found.rows)
        work = _Work(store, clock, Grounds(digests, codelists, Newcoming(), basis, by), dry_run, reach_back, settled)
        work.done, work.report, work.tell, work.tagged = so_far or Import(), report, tell, reader.tells_tags
        _run(store, file, reader, found, work)
    return work.done


def _run(store: Store, file: CsvFile, reader: RowReader, found: Survey, work: _Work) -> None:
    left = units(file, reader, found)
    for _ in islice(left, work.done.place):
        pass
    if not store.waits:
        while batch := list(islice(left, READ_AT_ONCE)):
            work.settle(batch)
        return
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as pool:
        while batch := list(islice(left, READ_AT_ONCE)):
            while len(waiting) >= AHEAD:
                waiting.popleft().result()
            waiting.append(pool.submit(work.settle, batch))
            del batch
        for future in waiting:
            future.result()


class _Work:
    """Stores slice after slice, each of them short: it keeps everybody else from changing people. Once one fails, none
    is begun."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        on: Grounds,
        dry_run: bool,
        reach_back: timedelta,
        settled: Settled | None,
    ) -> None:
        self._store, self._clock, self._on, self._dry_run = store, clock, on, dry_run
        self._reach_back, self._settled = reach_back, settled
        self._mask: Masker | None = None
        self._failed = False
        self.tagged = False
        self._size = MOST_AT_ONCE
        self.done = Import()
        self.report: Report | None = None
        self.tell: Callable[[Refusal], None] | None = None

    def settle(self, batch: list[Unit]) -> None:
        if self._failed:
            return
        self._failed = True
        start = 0
        while start < len(batch):
            some = batch[start : start + self._size]
            try:
                start += self._settle(some)
            except Exception as error:
                if not self._store.clashed(error):
                    raise
                start += self._settle(some)  # somebody signed up meanwhile with an address of these
            if self._size < MOST_AT_ONCE:  # people who are looked at one by one leave cycles behind
                gc.collect(1)
            if not self._store.waits and not self._dry_run:
                time.sleep(REST_SECONDS)
        self._failed = False

    def _settle(self, some: list[Unit]) -> int:
        """Settle as many of these as one transaction may; how many that were."""
        now = self._clock.now()
        with self._store.read() if self._dry_run else self._store.write() as tx:
            if not self._dry_run:
                tx.lock(AUDIENCE)
                self._mask = self._fresh_mask(tx)
            before_reach = tx.planning.sequence_before(now - self._reach_back)
            slice_ = settle(tx, some, self._on, self._mask, before_reach, now, MOST_CHANGED_AT_ONCE)
            if self.tagged:
                tag_imported(tx, slice_.units, slice_, store=not self._dry_run)
            done = _sum(self.done, slice_)
            length = self.report.write(slice_.results) if self.report is not None else 0
            if self._settled is not None:
                self._settled(tx, done, length)
        self.done = done
        self._tell(slice_)
        # Where many change, no more are looked up than can be settled; else the others would be looked up again.
        self._size = MOST_CHANGED_AT_ONCE if slice_.slow >= MOST_CHANGED_AT_ONCE // 2 else MOST_AT_ONCE
        return len(slice_.units)

    def _fresh_mask(self, tx: Transaction) -> Masker:
        """Masks that were reckoned are kept for the next slice, while the code lists are the same."""
        fresh = masker(tx, self._on.codelists)
        return self._mask if self._mask is not None and self._mask.bits == fresh.bits else fresh

    def _tell(self, slice_: Slice) -> None:
        for result in slice_.results:
            if isinstance(result, Refusal):
                if len(self.done.refusals) < REFUSALS_KEPT:
                    self.done.refusals.append(result)
                if self.tell is not None:
                    self.tell(result)


def _sum(done: Import, slice_: Slice) -> Import:
    more = slice_.done
    return Import(
        done.rows + more.rows,
        done.added + more.added,
        done.changed + more.changed,
        done.unchanged + more.unchanged,
        done.outcomes + more.outcomes,
        done.refusals,
        done.place + len(slice_.units),
    )


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Looking for cycles among 100,000 people again and again takes a third of the time: each slice's are looked
    for once."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
