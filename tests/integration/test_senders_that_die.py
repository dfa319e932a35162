"""A sender dies, or its channel or store breaks off: what is in doubt, what comes again, what is held back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.mailing_world import Killed, Scripted, channel, counts, planned, state, tick, types
from tests.planned import make_sender
from tribune.bootstrap import Application
from tribune.domain.errors import DeliveryError, Permanent, Retryable, UnknownOutcome
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.domain.sending import BROKEN_DELAY, LEASE, MAX_HANDOVERS, InDoubt
from tribune.ports.clock import StoppedClock
from tribune.ports.store import Store, Transaction
from tribune.services.sending.retry_mailing import retry_mailing
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import release_retries, send_retries
from tribune.services.sending.send_stream import Stream

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores


def die_at(number: int) -> dict[int, list[DeliveryError | BaseException | None]]:
    return {number: [Killed()]}


def test_after_a_crash_only_the_window_is_in_doubt_and_it_is_sent_again(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 2 * WINDOW)
    channel.says = die_at(WINDOW + 10)
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"in_doubt": WINDOW, "sent": WINDOW}
    other = make_sender(app, channel, "b")
    assert not send_chunk(other, mailing, 0), "the dead one's lease still holds"
    clock.move(LEASE)
    assert tick(app) == [(mailing, 0)]
    assert send_chunk(other, mailing, 0)
    assert counts(app, mailing) == {"sent": 2 * WINDOW}
    doubled = [number for number, times in channel.times.items() if times > 1]
    assert doubled == list(range(WINDOW + 1, WINDOW + 11))
    assert len({(mail.recipient, mail.content) for mail in channel.handed}) == 2 * WINDOW, "doubles are the same mail"


def test_what_kills_every_sender_is_quarantined_and_the_chunk_is_done_all_the_same(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 20)
    channel.says = {5: [Killed() for _ in range(MAX_HANDOVERS)]}
    for _ in range(MAX_HANDOVERS):
        with pytest.raises(Killed):
            send_chunk(make_sender(app, channel), mailing, 0)
        clock.move(LEASE)
        tick(app)
    assert send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"quarantined": 20}
    assert channel.times[5] == MAX_HANDOVERS
    assert state(app, mailing) is MailingState.FINISHED
    with app.store.write() as tx:
        assert retry_mailing(tx, mailing, clock.now()) == {DeliveryState.QUARANTINED: 20, DeliveryState.RETRY: 0}
    assert state(app, mailing) is MailingState.RUNNING
    send_retries(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 20}
    assert state(app, mailing) is MailingState.FINISHED
    assert types(app)["mailing.finished"] == 2


def test_hand_overs_by_the_dead_count_towards_the_three(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 5)
    unknown = UnknownOutcome("?", code="no answer")
    channel.says = {3: [None, unknown, unknown, unknown], 5: [Killed()]}
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(LEASE)
    sender = make_sender(app, channel, "b")
    send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 4, "retry": 1}
    clock.move(timedelta(minutes=5))
    send_retries(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 4, "quarantined": 1}
    assert channel.times[3] == MAX_HANDOVERS


def test_a_retry_that_was_taken_over_is_not_told_of(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 1)
    other = Scripted()
    channel.says = {1: [Retryable("later", code="450"), Permanent("no", code="550 5.1.1")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(timedelta(minutes=5))

    def stopped(number: int) -> None:
        clock.move(LEASE)
        assert tick(app) == [(mailing, 0)]
        send_retries(make_sender(app, other, "b"), mailing, 0)

    channel.before = stopped
    send_retries(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 1}
    assert types(app)["delivery.failed"] == 0
    with app.store.read() as tx:
        assert tx.audience.suppressed(["reader1@example.org"]) == {}


def test_a_channel_that_must_not_double_quarantines_at_once(app: Application, clock: StoppedClock) -> None:
    channel = Scripted(InDoubt.QUARANTINE)
    mailing = planned(app, WINDOW + 5)
    channel.says = die_at(3)
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(LEASE)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 5, "quarantined": WINDOW}
    assert max(channel.times.values()) == 1


def test_a_retry_whose_sender_dies_is_tried_thrice(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 1)
    channel.says = {1: [Retryable("later", code="450"), *(Killed() for _ in range(5))]}
    send_chunk(make_sender(app, channel), mailing, 0)
    for _ in range(MAX_HANDOVERS):
        clock.move(LEASE + timedelta(minutes=5))
        assert tick(app) == [(mailing, 0)]
        with pytest.raises(Killed):
            send_retries(make_sender(app, channel), mailing, 0)
    clock.move(LEASE)
    tick(app)
    send_retries(make_sender(app, channel), mailing, 0)
    assert channel.times[1] == 1 + MAX_HANDOVERS
    assert counts(app, mailing) == {"quarantined": 1}
    assert state(app, mailing) is MailingState.FINISHED


def test_a_channel_that_breaks_off_leaves_the_chunk_to_the_next_attempt(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 5)
    channel.says = {3: [RuntimeError("a bug")]}
    sender = make_sender(app, channel)
    with pytest.raises(RuntimeError, match="a bug"):
        send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"waiting": 2, "sent": 2, "retry": 1}
    assert not send_chunk(sender, mailing, 0), "it rests for a moment"
    clock.move(BROKEN_DELAY)
    with app.store.write() as tx:
        assert release_retries(tx, clock.now()) == 1, "the scheduler gives it out, whatever became of its event"
    assert send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 4, "retry": 1}


class Failing:
    """The store, whose unit of work number `at` to write fails as a database does that goes away."""

    def __init__(self, store: Store, at: int) -> None:
        self._store = store
        self._left = at
        self.waits = store.waits
        self.read, self.clashed = store.read, store.clashed

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        self._left -= 1
        with self._store.write() as tx:
            yield tx
            if not self._left:
                raise ConnectionError("the database went away")


@pytest.mark.parametrize("at", range(1, 9))
def test_a_store_that_fails_once_ends_the_stream_and_holds_no_chunk(
    app: Application, channel: Scripted, clock: StoppedClock, at: int
) -> None:
    mailing = planned(app, 400, 300)
    stream = Stream(replace(make_sender(app, channel), store=Failing(app.store, at)), [(mailing, 0), (mailing, 1)])

    def run() -> None:
        with suppress(ConnectionError):
            stream.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "it opens and gives up windows for ever"
    clock.move(LEASE)
    tick(app)
    Stream(make_sender(app, channel, "b"), [(mailing, 0), (mailing, 1)]).run()
    assert counts(app, mailing) == {"sent": 700}
    assert sum(channel.times.values()) <= 700 + 2 * WINDOW
