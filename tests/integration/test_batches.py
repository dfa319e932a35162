"""Requests that share a transaction: an answer follows the commit, one bad one harms nobody, a store that is away is
told of at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource
from tribune.ports.store import Transaction
from web.batches import Together, TooBusy

pytestmark = pytest.mark.both_stores


class Writer:
    """Keeps a record for each person who asks; nobody above 30 is there, so it breaks on them, when it has written."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.sizes: list[int] = []
        self.committed: list[int] = []
        with app.store.write() as tx:
            add_people(tx, 30)
        self.together = Together("test", app.store, self.work, self.committed.extend)

    def work(self, tx: Transaction, people: Sequence[int]) -> list[str]:
        self.sizes.append(len(people))
        now = self.app.clock.now()
        tx.consents.add([ConsentRecord(person, ConsentAct.CHANGED, now, ConsentSource.MAIL) for person in people])
        if max(people) > 30:
            raise LookupError(f"nobody is number {max(people)}")
        return [f"done {person}" for person in people]

    def ask(self, *people: int) -> list[Any]:
        async def rush() -> list[Any]:
            return await asyncio.gather(*map(self.together, people), return_exceptions=True)

        return asyncio.run(rush())

    def kept(self) -> list[int]:
        with self.app.store.read() as tx:
            return sorted(record.subscriber for record in tx.consents.export())


def test_those_that_come_together_share_a_transaction(app: Application) -> None:
    writer = Writer(app)
    assert writer.ask(*range(1, 21)) == [f"done {n}" for n in range(1, 21)]
    assert sum(writer.sizes) == 20
    assert len(writer.sizes) < 5
    assert writer.kept() == sorted(writer.committed) == list(range(1, 21))
    assert writer.ask(1) == ["done 1"], "from another event loop too"


def test_one_that_fails_harms_nobody_else(app: Application) -> None:
    writer = Writer(app)
    told = writer.ask(1, 2, 99, 3, 4)
    assert [isinstance(answer, Exception) for answer in told] == [False, False, True, False, False]
    assert not isinstance(told[2], TooBusy)
    assert writer.kept() == [1, 2, 3, 4]


def test_who_has_gone_away_keeps_nobody_waiting(app: Application) -> None:
    writer = Writer(app)

    async def rush() -> str:
        gone = asyncio.create_task(writer.together(1))
        await asyncio.sleep(0)
        gone.cancel()
        return await writer.together(2)

    assert asyncio.run(rush()) == "done 2"


@pytest.mark.postgres_only  # a file is not away
def test_a_store_that_is_away_is_told_at_once_and_not_for_each_of_them(app: Application) -> None:
    writer = Writer(app)
    tries = []

    def gone(tx: Any, people: Sequence[int]) -> list[str]:
        tries.append(len(people))
        tx.connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        return []

    writer.together = Together("test", app.store, gone)
    told = writer.ask(1, 2, 3, 4, 5, 6, 7, 8)
    assert all(isinstance(answer, TooBusy) for answer in told)
    assert len(tries) < 4
    assert writer.kept() == []


@pytest.mark.postgres_only  # on SQLite there is one at a time
def test_one_of_two_that_wait_for_each_other_is_done_once_more(app: Application) -> None:
    tries = []
    taken, other_has = threading.Event(), threading.Event()

    def other() -> None:
        with app.store.write() as tx:
            tx.lock("second")
            other_has.set()
            taken.wait(60)
            tx.lock("first")

    def work(tx: Any, people: Sequence[int]) -> list[str]:
        tries.append(len(people))
        tx.connection.exec_driver_sql("SET LOCAL deadlock_timeout = '10ms'")  # so it is this one that the server ends
        tx.lock("first")
        taken.set()
        other_has.wait(60)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while len(tries) == 1 and not tx.connection.exec_driver_sql(waiting).scalar():
            time.sleep(0.01)
        tx.lock("second")
        return ["done"] * len(people)

    with ThreadPoolExecutor(1) as pool:
        through = pool.submit(other)
        assert asyncio.run(Together("test", app.store, work)(1)) == "done"
        through.result()
    assert tries == [1, 1]
