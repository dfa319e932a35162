"""Requests that share a transaction: an answer follows the commit, one bad one harms nobody, a store that is away is
told of at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource
from tribune.ports.store import Transaction
from web.batches import Together, TooBusy

pytestmark = pytest.mark.both_stores


class Writer:
    """Keeps a record for each person who asks; nobody above 30 is there, so the store refuses them."""

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
