"""The plans of the most frequent queries on PostgreSQL, with 1 M subscribers and 10 M deliveries.

The statements are not written here: they are what the repositories send to the database, recorded at the driver, and
then sent once more behind EXPLAIN (ANALYZE, BUFFERS) in a transaction that is rolled back. Fails where a plan reads a
large table from end to end. `python -m bench.explain [PEOPLE]`; $TRIBUNE_BENCH_POSTGRES: a folder that keeps the store
for the next time.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event

from bench.explain_plans import Plan, explain
from bench.explain_world import SMALL_ZONE, fill_ledger
from bench.planning import START, ZONES
from bench.postgres_world import application, fill, server
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence
from tribune.domain.events import Cohort
from tribune.domain.mailings import DeliveryState
from tribune.domain.sending import Claim, Marks, Verdict
from tribune.store.engine import SqlTransaction
from tribune.store.outbox import SqlOutboxQueue
from tribune.store.postgres import driver

PEOPLE = 1_000_000
LEASE = timedelta(minutes=3)
SMALL = (Cohort(0, 7, SMALL_ZONE),)
EVERYBODY = tuple(Cohort(0, 8, zone) for zone in ZONES)
TODAY = date(2026, 11, 23)
SAID: list[tuple[str, Any]] = []


class Recording(psycopg.Cursor[Any]):
    """Writes down what is sent."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
        SAID.append((query.decode() if isinstance(query, bytes) else str(query), params))
        return super().execute(query, params, **how)

    def executemany(self, query: Any, params_seq: Any, **how: Any) -> None:
        told = list(params_seq)
        SAID.append((str(query), told[0]))
        super().executemany(query, told, **how)


class Calls:
    """What the house asks most often, each as a call of the repositories."""

    def __init__(self, app: Application, tx: SqlTransaction) -> None:
        self.app, self.tx, self.now = app, tx, tx.now()
        chunk = tx.connection.exec_driver_sql(
            "SELECT mailing_id, min(chunk) FROM chunks WHERE state = 'ready' GROUP BY 1"
        ).one()
        self.mailing, self.chunk = int(chunk[0]), int(chunk[1])

    def claimed(self) -> Claim:
        claim = self.tx.ledger.claim(self.mailing, self.chunk, "bench", self.now, LEASE)
        if claim is None:
            raise RuntimeError("there is no chunk to claim")
        return claim

    def __iter__(self) -> Iterator[tuple[str, Callable[[], object]]]:
        ledger, planning = self.tx.ledger, self.tx.planning
        claim: list[Claim] = []
        yield "claim of a chunk", lambda: claim.append(self.claimed())
        yield "slots of a window", lambda: ledger.slots(claim[0], 0, 250)
        yield (
            "people of a window, with what may stop them",
            lambda: ledger.window(claim[0], 0, 250, "letter", Cadence.DAILY),
        )
        yield "contents of a window", lambda: ledger.contents(self.mailing, range(4))
        marks = Marks(500, 0, 250, 0)
        yield "in doubt up to", lambda: ledger.open_window(claim[0], marks, self.now, LEASE)
        failed = [Verdict(3, DeliveryState.FAILED, "550 5.1.1")]
        yield "settle a window", lambda: ledger.settle(claim[0], Marks(500, 250, 250, 0), failed, self.now)
        yield "finish, where all is done", lambda: ledger.finish(self.mailing, self.now)
        yield "chunks and retries that time brings back", lambda: ledger.wake(self.now)
        yield "claim retries of a chunk", lambda: ledger.claim_retries(self.mailing, 1, self.now, LEASE, 100)
        yield "suppression of addresses", lambda: self.tx.audience.suppressed([f"a{n}@example.org" for n in range(50)])
        yield "a subscriber's history", lambda: ledger.deliveries_to(4_711)
        yield "whether some people are in a mailing", lambda: ledger.deliveries(1, subscriber=4_711)
        yield "progress of a mailing", lambda: ledger.progress(self.mailing)
        yield "mailings, the newest first", lambda: ledger.mailings(limit=50)
        attention = self.tx.attention
        yield "mails that are held back, counted", attention.to_be_decided
        yield "mails that are held back, listed", lambda: attention.held_back(limit=100)
        yield "the oldest unsent mailing", lambda: attention.longest_unsent(self.now)
        yield "lanes that rest", lambda: attention.resting_lanes(self.now)
        yield "inbox", lambda: self.tx.inbox.seen("deliveries", "/tribune/mailings", "event-4711")
        yield (
            "inbox, an event more",
            lambda: self.tx.inbox.remember("deliveries", "/tribune/mailings", "new", self.now),
        )
        yield "a batch of the outbox", self.relayed
        yield "search in the catalogue", lambda: self.tx.catalogue.search("wage17 care250", "en")
        yield "a notice that is due", lambda: self.tx.notices.due(self.now)
        yield "planning: who is due, a small cohort", lambda: planning.due("letter", Cadence.DAILY, SMALL, TODAY)
        small = planning.due("letter", Cadence.DAILY, SMALL, TODAY)
        yield "planning: their wishes", lambda: planning.wishes("letter", Cadence.DAILY, small, with_marks=False)
        yield (
            "planning: their marks",
            lambda: planning.advance_marks("letter", Cadence.DAILY, small, 5, TODAY + timedelta(days=1)),
        )
        yield "planning: who is due, everybody", lambda: planning.due("letter", Cadence.DAILY, EVERYBODY, TODAY)
        yield "ageing: a mailing that ended", lambda: self.tx.ageing.next(START - timedelta(days=2))
        yield "ageing: a slice of it", lambda: self.tx.ageing.delete_rows(1, 10_000)

    def relayed(self) -> object:
        with SqlOutboxQueue(self.app.store.engine).hold() as held:
            return held.first(500) if held else None


def plans(app: Application) -> Iterator[tuple[str, list[Plan]]]:
    """Each call with the plans of its statements."""
    with app.store.write() as tx, _rolled_back(tx):
        connection = driver(tx.connection)
        tx.audience.suppressed(["nobody@example.org"])  # a process looks once whether the list was made with its key
        for name, call in Calls(app, tx):
            with connection.transaction(force_rollback=False):
                SAID.clear()
                with _undone(connection):
                    call()
                said = list(SAID)
            found = [plan for query, values in said if (plan := explain(connection, query, values)) is not None]
            yield name, found


@contextmanager
def _undone(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """What happens inside is rolled back: EXPLAIN ANALYZE does it once more, and that stays for the next call."""
    with connection.transaction(force_rollback=True):
        yield


@contextmanager
def _rolled_back(tx: SqlTransaction) -> Iterator[None]:
    try:
        yield
    finally:
        tx.connection.get_transaction().rollback()  # type: ignore[union-attr]  # it is in one


def main(people: int) -> int:
    with tempfile.TemporaryDirectory() as folder, server() as running:
        app = application(running.url(), Path(folder))
        event.listen(app.store.engine, "connect", record)
        if not _is_filled(app):
            fill(app, Path(folder), people)
            fill_ledger(app, people)
        bad = 0
        for name, found in plans(app):
            print(f"\n{name}")
            for plan in found:
                bad += len(plan.whole)
                print(f"  {plan.text}\n    {plan.figures}", flush=True)
        app.close()
    print(f"\n{bad} large tables are read from end to end" if bad else "\nno large table is read from end to end")
    return 1 if bad else 0


def record(made: Any, _: Any) -> None:
    """Have a new connection write down what it sends."""
    made.cursor_factory = Recording


def _is_filled(app: Application) -> bool:
    from sqlalchemy import inspect

    if not inspect(app.store.engine).has_table("deliveries"):
        return False
    with app.store.read() as tx:
        return tx.ledger.mailing(1) is not None


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) == 2 else PEOPLE))
