"""Whatever becomes of an event, a process or a server in between: every recipient is mailed, and none twice for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from consumers.deliveries import consumer
from consumers.loop import ActingTogether, drain
from tests.mailing_world import Scripted, counts, planned, tick
from tests.planned import make_sender
from tribune.bootstrap import Application
from tribune.domain.errors import Retryable
from tribune.domain.events import CloudEvent
from tribune.domain.sending import RETRY_DELAYS, WATCH
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import StoppedClock
from tribune.ports.store import Store, Transaction
from tribune.services.sending import send_stream
from tribune.services.sending.mailing_events import chunk_ready
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import release_retries

pytestmark = pytest.mark.both_stores


def handler(app: Application) -> ActingTogether:
    found = consumer(app).handlers["delivery.chunk-ready"]
    assert isinstance(found, ActingTogether)
    return found


def ready(app: Application, mailing: int, *chunks: int) -> list[CloudEvent]:
    with app.store.read() as tx:
        told = tx.ledger.mailing(mailing)
    assert told is not None
    return [chunk_ready(told, chunk, app.clock.now()) for chunk in chunks]


@pytest.fixture
def channel(app: Application) -> Scripted:
    channel = Scripted()
    app.__dict__["email"] = channel
    return channel


def test_a_retry_whose_event_came_to_a_process_that_was_told_to_stop_comes_again(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 2, 2)
    channel.says = {1: [Retryable("busy", code="451")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(RETRY_DELAYS[0])
    tick(app)  # gives the retry out
    channel.before = lambda number: app.stopping.set()
    outcomes = handler(app).act(ready(app, mailing, 0, 1), lambda: None)
    assert list(outcomes) == [], "its event is not committed: it comes again"
    app.stopping.clear()
    channel.before = lambda number: None
    handler(app).act(ready(app, mailing, 0, 1), lambda: None)
    assert counts(app, mailing) == {"sent": 4}


def test_what_no_event_comes_for_is_given_out_again(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 3)
    with app.store.write() as tx:
        assert release_retries(tx, clock.now()) == 0, "its event is on its way"
    clock.move(WATCH + timedelta(seconds=1))
    for _ in range(3):  # again and again, not at each tick
        with app.store.write() as tx:
            assert release_retries(tx, clock.now()) == 1
        with app.store.write() as tx:
            assert release_retries(tx, clock.now()) == 0
        clock.move(WATCH)
    channel.says = {1: [Retryable("busy", code="451")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(RETRY_DELAYS[0])
    for _ in range(3):
        with app.store.write() as tx:
            assert release_retries(tx, clock.now()) == 1
        with app.store.write() as tx:
            assert release_retries(tx, clock.now()) == 0
        clock.move(WATCH)


class Away:
    """The store, which fails to be written from unit of work number `at` on, until it is `back`."""

    def __init__(self, store: Store, at: int) -> None:
        self._store = store
        self._left = at
        self.waits = store.waits
        self.away = False

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        if self.away:
            raise ConnectionError("the database is away")
        with self._store.read() as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        self._left -= 1
        self.away = self.away or self._left == 0
        if self.away:
            raise ConnectionError("the database is away")
        with self._store.write() as tx:
            yield tx


def test_a_chunk_that_could_not_be_claimed_is_not_taken_for_done(
    app: Application, channel: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_stream, "TRIES", (0.01, 0.02))  # not a whole minute
    mailing = planned(app, 300, 300)
    store = app.store
    app.__dict__["store"] = Away(store, 2)
    outcomes = list(handler(app).act(ready(app, mailing, 0, 1), lambda: None))
    app.__dict__["store"] = store
    assert all(isinstance(outcome, ConnectionError) for outcome in outcomes)
    assert outcomes


@pytest.mark.embedded_only
def test_an_absent_store_sends_no_event_to_the_dead_letters(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    tried = 0

    def act(events: object, pulse: object) -> list[Exception]:
        nonlocal tried
        tried += 1
        app.__dict__["store"] = away
        raise ConnectionError("the database is away")

    away = Away(app.store, 1)
    store, away.away = app.store, True
    mailing = planned(app, 1)
    with store.write() as tx:
        tx.outbox.add(*ready(app, mailing, 0))
    group = replace(consumer(app), handlers={"delivery.chunk-ready": ActingTogether(act)})
    for _ in range(12):
        with pytest.raises(ConnectionError):
            drain([group], app)
        app.__dict__["store"] = store
        clock.move(timedelta(minutes=30))
    assert tried == 12
    assert not app.log.dead_letters()
    assert not app.log.waiting("deliveries")
    drain([consumer(app)], app)
    assert counts(app, mailing) == {"sent": 1}


def test_a_mail_may_take_longer_than_a_lease(app: Application) -> None:
    """A server that is slow with its answer: nobody takes the chunk over while its sender waits."""
    mailing = planned(app, 2)

    class Slow(Scripted):
        def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
            for outcome in super().send(mails):
                time.sleep(1.2)
                yield outcome

    channel, other = Slow(), Scripted()
    start, began = app.clock.now(), time.monotonic()
    app.clock.__dict__["now"] = lambda: start + timedelta(seconds=time.monotonic() - began)
    lease = timedelta(seconds=0.8)
    first = threading.Thread(target=send_chunk, args=(make_sender(app, channel, lease=lease), mailing, 0))
    first.start()
    while first.is_alive():
        time.sleep(0.3)
        with app.store.write() as tx:
            assert tx.ledger.wake(tx.now()) == []
        send_chunk(make_sender(app, other, "b", lease=lease), mailing, 0)
    first.join()
    assert channel.times + other.times == {1: 1, 2: 1}
