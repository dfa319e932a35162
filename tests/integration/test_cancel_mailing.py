"""Cancel: when it can be, what senders at work do, and that who was not mailed is on record (decisions.md, 16)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

import scheduler
from tests.mailing_world import (
    Killed,
    Scripted,
    cancel,
    carried,
    channel,
    counts,
    events,
    planned,
    state,
    tick,
    types,
)
from tests.planned import make_sender, plan
from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, NotFound, Retryable, Throttled
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.domain.sending import LEASE, InDoubt, policy_of
from tribune.ports.clock import StoppedClock
from tribune.services.sending.cancel_mailing import Closed, cancel_mailing, close_slice
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries
from tribune.store.tables import (
    chunks,
    delivery_exceptions,
)

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
S = DeliveryState
NUMBERS = count()


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def closed_at(app: Application, mailing: int) -> object:
    with app.store.read() as tx:
        told = tx.ledger.mailing(mailing)
    assert told is not None
    return told.finished_at


# -- the change itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["planned", "approved", "running", "paused"])
def test_it_can_be_cancelled_until_it_is_finished_and_once(app: Application, before: str) -> None:
    mailing = planned(app, 2, state=MailingState(before))
    cancel(app, mailing)
    assert types(app) == {"mailing.cancelled": 1}
    assert tick(app) == []
    with pytest.raises(Conflict, match="was cancelled already"), app.store.write() as tx:
        cancel_mailing(tx, mailing, app.clock.now())
    finished = plan(app.store, [1], state=MailingState.FINISHED, occasion="2026-11-24")
    with pytest.raises(Conflict, match="is finished: nothing of it is still to leave"), app.store.write() as tx:
        cancel_mailing(tx, finished, app.clock.now())
    with pytest.raises(NotFound), app.store.write() as tx:
        cancel_mailing(tx, 99, app.clock.now())


def test_a_large_one_is_closed_in_slices_that_the_scheduler_can_take_over(app: Application) -> None:
    mailing = planned(app, *[2] * 5)
    with app.store.write() as tx:
        tx.ledger.move(mailing, MailingState.CANCELLED, app.clock.now())
        assert close_slice(tx, mailing, app.clock.now(), limit=2) == Closed(2, 4, 3)
    assert counts(app, mailing) == {"cancelled": 10}, "the record does not depend on it"
    assert scheduler.cancellations(app) == 3
    assert len(carried(app)) == 10
    assert state(app, mailing) is MailingState.CANCELLED
    told = [event for event in events(app) if event["type"] == "delivery.chunk-ready"]
    assert told == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_the_numbers_of_a_cancelled_mailing_are_those_of_the_single_deliveries(
    app: Application, data: st.DataObject
) -> None:
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    mailing = plan(app.store, sizes, locales=["en", "fr"], occasion=f"cancelled {next(NUMBERS)}")
    with app.store.write() as tx:
        for number, size in enumerate(sizes):
            doubt = data.draw(st.integers(0, size))
            sent = data.draw(st.integers(0, doubt))
            of_chunk = (chunks.c.mailing_id == mailing) & (chunks.c.chunk == number)
            tx.connection.execute(update(chunks).where(of_chunk).values(sent_upto=sent, doubt_upto=doubt))
            for place in range(sent):
                kind = data.draw(st.sampled_from([None, S.RETRY, S.QUARANTINED, S.FAILED, S.IN_DOUBT]))
                if kind is not None:
                    tx.connection.execute(
                        insert(delivery_exceptions).values(
                            mailing_id=mailing,
                            chunk=number,
                            place=place,
                            state=kind.value,
                            handovers=data.draw(st.integers(0, 1)),
                            changed_at=app.clock.now(),
                        )
                    )
        before = tx.cancelling.unmailed(mailing)
        tx.ledger.move(mailing, MailingState.CANCELLED, app.clock.now())
        progress = mailing_progress(tx, mailing)
        views = tx.ledger.deliveries(mailing)
    assert progress.unmailed == before
    assert progress.states == Counter(view.state for view in views)
    assert not {S.WAITING, S.RETRY} & progress.states.keys()
    assert progress.total == sum(sizes)


# -- senders at work ------------------------------------------------------------------------------------------


def test_a_sender_at_work_stops_at_its_window_which_counts(app: Application, channel: Scripted) -> None:
    mailing = planned(app, WINDOW + 5, 4)
    seen: list[dict[str, int]] = []

    def meanwhile(number: int) -> None:
        if number == 7:
            assert cancel(app, mailing) == Closed(chunks=1, people=4, left=1)
            seen.append(counts(app, mailing))

    channel.before = meanwhile
    channel.says = {9: [Retryable("later", code="450")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    assert seen == [{"in_doubt": WINDOW, "cancelled": 9}]
    assert counts(app, mailing) == {"sent": WINDOW - 1, "cancelled": 10}
    assert not send_chunk(make_sender(app, channel, "b"), mailing, 1)
    assert closed_at(app, mailing) is None
    assert scheduler.cancellations(app) == 1
    assert closed_at(app, mailing) == app.clock.now()
    assert set(carried(app)) == {9, *range(WINDOW + 1, WINDOW + 10)}
    assert scheduler.cancellations(app) == 0
    assert set(channel.times.values()) == {1}


def test_what_a_throttled_sender_did_not_get_rid_of_is_carried_over(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 10)

    def meanwhile(number: int) -> None:
        if number == 4:
            cancel(app, mailing)

    channel.before = meanwhile
    channel.says = {4: [Throttled("slow down", code="421")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    scheduler.cancellations(app)
    assert counts(app, mailing) == {"sent": 3, "cancelled": 7}
    assert set(carried(app)) == set(range(4, 11))


def test_what_a_dead_sender_had_in_hand_stays_in_doubt(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, WINDOW + 5)
    channel.says = {7: [Killed()]}
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    assert cancel(app, mailing) == Closed(chunks=0, people=0, left=1)
    assert scheduler.cancellations(app) == 0, "its lease holds still: it may only be slow"
    clock.move(LEASE)
    assert scheduler.cancellations(app) == 1
    assert counts(app, mailing) == {"in_doubt": WINDOW, "cancelled": 5}
    assert set(carried(app)) == set(range(WINDOW + 1, WINDOW + 6))
    assert closed_at(app, mailing) == clock.now()


def test_a_stalled_sender_is_fenced_when_its_chunk_was_closed(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 5)

    def stalls(number: int) -> None:
        if number == 3:
            cancel(app, mailing)
            clock.move(LEASE)
            assert scheduler.cancellations(app) == 1

    channel.before = stalls
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"in_doubt": 5}
    assert len(channel.handed) <= 3


def test_a_retry_in_hand_is_waited_for_and_a_stalled_one_is_fenced(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 2)
    channel.says = {1: [Retryable("later", code="450")] * 2, 2: [Retryable("later", code="450")] * 2}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    clock.move(timedelta(minutes=5))
    done: list[Closed] = []
    channel.before = lambda number: done.append(cancel(app, mailing)) if not done else None
    send_retries(sender, mailing, 0)
    assert done == [Closed(0, 0, 1)]
    assert scheduler.cancellations(app) == 1
    assert counts(app, mailing) == {"cancelled": 2}
    assert set(carried(app)) == {1, 2}


# -- in doubt: the digest's own word --------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "kept"), [("quarantine", "quarantine"), ("send_again", "send_again"), ("", "")])
def test_a_mailing_carries_what_its_digest_says_of_mails_in_doubt(
    app: Application, world: World, told: str, kept: str
) -> None:
    app.digests = {"letter": replace(world.digest(), in_doubt=told)}
    world.person("daily")
    world.item("en")
    mailing = world.plan("daily").mailing or 0
    with app.store.read() as tx:
        found = tx.ledger.mailing(mailing)
    assert found is not None
    assert found.in_doubt == kept
    assert policy_of(found, InDoubt.SEND_AGAIN) is InDoubt(kept or "send_again")
