"""A store that takes no writes blames no event: the loop waits, and goes on once it takes them again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as events
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from consumers.loop import Acting, ActingTogether, Consumer, Handler, drain, run
from tests.waiting import until
from tribune.bootstrap import Application
from tribune.domain.events import CloudEvent, ItemReleased
from tribune.domain.retry import Backoff
from tribune.ports.clock import StoppedClock
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import new_event
from tribune.store.away import store_away

pytestmark = [pytest.mark.both_pairs, pytest.mark.waits]

ATTEMPTS = 2


@contextmanager
def taking_no_writes(app: Application) -> Iterator[None]:
    """PostgreSQL: transactions may only read, as on a server that was failed over from. SQLite: not a page more, as on
    a full disk."""
    engine = app.store.engine
    refuses, sqlite = [True], engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one() if sqlite else 0

    def bound(connection: Any, *_: Any) -> None:
        if sqlite:
            connection.execute(f"PRAGMA max_page_count={pages if refuses[0] else 2**31}")
        else:
            connection.read_only = refuses[0]

    events.listen(engine, "checkout", bound)
    yield
    refuses[0] = False


@pytest.fixture
def handled() -> list[int]:
    return []


@pytest.fixture
def house(app: Application) -> Application:
    """With a table for what handlers write: much, so that the log in the same file still had room for a retry."""
    with app.store.write() as tx:
        _run(tx, "CREATE TABLE written (item INTEGER, value TEXT)")
        _run(tx, "INSERT INTO written VALUES (0, '')")
    app.log.publish("catalogue", [released(number) for number in range(1, 4)])
    return app


def released(number: int) -> CloudEvent:
    data = ItemReleased(number, "en", number)
    at = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    return new_event("item.released", data, source="/tribune/catalogue", key=f"item-{number}", time=at)


def _run(tx: Transaction, statement: str, **values: object) -> None:
    tx.connection.execute(text(statement), values)  # type: ignore[attr-defined]


def write(tx: Transaction, event: CloudEvent) -> None:
    _run(tx, "INSERT INTO written VALUES (:item, :value)", item=event.data["item"], value="x" * 400_000)


def in_a_transaction(app: Application, handled: list[int]) -> Handler:
    def handle(tx: Transaction, event: CloudEvent) -> None:
        write(tx, event)
        handled.append(event.data["item"])

    return handle


def acting(app: Application, handled: list[int]) -> Acting:
    def act(event: CloudEvent) -> None:
        with app.store.write() as tx:
            write(tx, event)
        handled.append(event.data["item"])

    return Acting(act)


def acting_together(app: Application, handled: list[int]) -> ActingTogether:
    def act(events: Any, pulse: Callable[[], None]) -> list[Exception | None]:
        def one(event: CloudEvent) -> Exception | None:
            try:
                acting(app, handled).act(event)
            except DBAPIError as error:
                return error
            return None

        return [one(event) for event in events]

    return ActingTogether(act)


def group(handler: Handler | Acting | ActingTogether) -> Consumer:
    backoff = Backoff(attempts=ATTEMPTS, first=timedelta(seconds=10), spread=0)
    return Consumer("digests", ("catalogue",), {"item.released": handler}, backoff=backoff)


@pytest.mark.parametrize("make", [in_a_transaction, acting, acting_together])
def test_no_attempt_is_counted_and_nothing_is_given_up(
    house: Application, clock: StoppedClock, handled: list[int], make: Callable[..., Any]
) -> None:
    consumer = group(make(house, handled))
    with taking_no_writes(house):
        for _ in range(ATTEMPTS + 2):
            with pytest.raises(DBAPIError) as told:
                drain([consumer], house)
            assert store_away(told.value)
            clock.move(timedelta(minutes=10))
        assert (house.log.waiting(), house.log.dead_letters()) == ([], [])
    drain([consumer], house)
    assert sorted(set(handled)) == [1, 2, 3]
    assert (house.log.waiting(), house.log.dead_letters()) == ([], [])
    with house.store.read() as tx:
        found = tx.connection.execute(text("SELECT count(DISTINCT item) FROM written")).scalar_one()
    assert found == 4


def test_the_loop_goes_on_by_itself_and_its_health_is_told_meanwhile(
    house: Application, handled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tribune.interruptions.LONGEST_WAIT", 0.05)
    stop = threading.Event()
    running = threading.Thread(target=run, args=(group(in_a_transaction(house, handled)), house, stop))
    with taking_no_writes(house):
        running.start()
        until(lambda: house.interruptions.how_is("digests") != "ok")
    until(lambda: len(set(handled)) == 3)
    stop.set()
    running.join(30)
    assert (house.log.waiting(), house.log.dead_letters()) == ([], [])
