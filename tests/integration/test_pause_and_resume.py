"""Pause within a window, go on without loss and without a double, try again what is held back; the events that tell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from tests.mailing_world import Killed, Scripted, channel, counts, events, planned, state, tick, types, unsubscribe
from tests.planned import make_sender, plan, withdraw_item
from tests.waiting import until
from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, InvalidInput, NotFound, Permanent, Retryable
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.domain.sending import LEASE, MAX_HANDOVERS, InDoubt
from tribune.ports.clock import StoppedClock
from tribune.services.planning.approve_mailing import approve_mailing
from tribune.services.sending.pause_mailing import pause_mailing, resume_mailing
from tribune.services.sending.retry_mailing import retry_mailing
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries
from tribune.services.sending.send_stream import Stream
from tribune.store.tables import chunks, delivery_exceptions

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
S = DeliveryState


def pause(app: Application, mailing: int) -> None:
    with app.store.write() as tx:
        pause_mailing(tx, mailing, app.clock.now())


def resume(app: Application, mailing: int) -> list[int]:
    """The chunks that it gave events for."""
    known = {event["id"] for event in events(app)}
    with app.store.write() as tx:
        resume_mailing(tx, mailing, app.clock.now())
    new = [event for event in events(app) if event["id"] not in known]
    return [event["data"]["chunk"] for event in new if event["type"] == "delivery.chunk-ready"]


# -- pause ----------------------------------------------------------------------------------------------------


def test_a_pause_takes_effect_within_one_window_and_loses_nothing(app: Application) -> None:
    """A slow channel in a thread of its own; somebody pauses while the seventh mail is handed over."""
    mailing = planned(app, 2 * WINDOW)
    channel, reached, go_on = Scripted(), threading.Event(), threading.Event()

    def slow(number: int) -> None:
        if number == 7:
            reached.set()
            assert go_on.wait(20)

    channel.before = slow
    thread = threading.Thread(target=send_chunk, args=(make_sender(app, channel), mailing, 0))
    thread.start()
    assert reached.wait(20)
    pause(app, mailing)
    go_on.set()
    thread.join(30)
    assert set(channel.times) == set(range(1, WINDOW + 1))
    assert counts(app, mailing) == {"waiting": WINDOW, "sent": WINDOW}
    assert not send_chunk(make_sender(app, channel, "b"), mailing, 0), "nothing leaves while it is paused"
    assert resume(app, mailing) == [0]
    send_chunk(make_sender(app, channel, "b"), mailing, 0)
    assert channel.times == dict.fromkeys(range(1, 2 * WINDOW + 1), 1)
    assert state(app, mailing) is MailingState.FINISHED


def test_a_stream_with_two_windows_open_hands_over_no_more_than_the_one_in_hand(app: Application) -> None:
    """Two windows are open at a time, so that the channel never waits for the ledger: the pause ends both."""
    mailing = planned(app, WINDOW, WINDOW, 2 * WINDOW)
    channel = Scripted()

    def before(number: int) -> None:
        if number == 7:
            pause(app, mailing)
        elif number == WINDOW + 1:
            until(lambda: counts(app, mailing).get("sent") == WINDOW)

    channel.before = before
    Stream(make_sender(app, channel), [(mailing, chunk) for chunk in range(3)]).run()
    assert len(channel.handed) in (WINDOW, WINDOW + 1), (
        "the first window, and what was in hand when its end was settled"
    )
    assert resume(app, mailing)
    channel.before = lambda number: None
    Stream(make_sender(app, channel, "b"), [(mailing, chunk) for chunk in range(3)]).run()
    assert channel.times == dict.fromkeys(range(1, 4 * WINDOW + 1), 1)
    assert state(app, mailing) is MailingState.FINISHED


def test_it_can_be_paused_twice_and_each_change_is_an_event_of_its_own(app: Application, channel: Scripted) -> None:
    mailing = planned(app, WINDOW + 1, 1)
    send_chunk(make_sender(app, channel), mailing, 1)
    for _ in range(2):  # at the same instant
        pause(app, mailing)
        assert resume(app, mailing) == [0]
    assert state(app, mailing) is MailingState.RUNNING
    told = [event for event in events(app) if event["type"].startswith("mailing.")]
    assert [event["type"] for event in told] == [
        "mailing.started",
        "mailing.paused",
        "mailing.resumed",
        "mailing.paused",
        "mailing.resumed",
    ]
    assert len({event["id"] for event in events(app)}) == len(events(app))
    assert [event["recordrevision"] for event in told] == [1, 2, 3, 4, 5]
    assert {event["correlationid"] for event in told} == {"story-1"}
    assert {event["partitionkey"] for event in told} == {str(mailing)}


def test_one_that_was_paused_before_its_first_window_starts_when_it_goes_on(
    app: Application, channel: Scripted
) -> None:
    mailing = planned(app, 2)
    pause(app, mailing)
    assert not send_chunk(make_sender(app, channel), mailing, 0)
    with pytest.raises(Conflict, match="is paused, not waiting for approval"), app.store.write() as tx:
        approve_mailing(tx, mailing, app.clock.now())
    assert resume(app, mailing) == [0]
    assert state(app, mailing) is MailingState.APPROVED
    send_chunk(make_sender(app, channel), mailing, 0)
    assert types(app)["mailing.started"] == 1
    assert counts(app, mailing) == {"sent": 2}


def test_the_time_of_pauses_is_no_time_of_sending(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 1, 3)
    send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(timedelta(seconds=10))
    pause(app, mailing)
    clock.move(timedelta(hours=9))
    with app.store.read() as tx:
        told = tx.ledger.mailing(mailing)
    assert told is not None
    assert told.running_seconds(clock.now()) == 10
    resume(app, mailing)
    clock.move(timedelta(seconds=5))
    with app.store.read() as tx:
        told = tx.ledger.mailing(mailing)
    assert told is not None
    assert told.running_seconds(clock.now()) == 15


# -- resume ---------------------------------------------------------------------------------------------------


def test_a_sender_that_never_noticed_the_pause_keeps_its_chunk(app: Application, channel: Scripted) -> None:
    mailing = planned(app, WINDOW + 5)
    other = Scripted()

    def meanwhile(number: int) -> None:
        if number == 7:
            pause(app, mailing)
            assert resume(app, mailing) == [0]
            assert not send_chunk(make_sender(app, other, "b"), mailing, 0)

    channel.before = meanwhile
    send_chunk(make_sender(app, channel), mailing, 0)
    assert other.handed == []
    assert channel.times == dict.fromkeys(range(1, WINDOW + 6), 1)
    assert state(app, mailing) is MailingState.FINISHED


def test_a_sender_that_died_while_it_was_paused_leaves_nothing_behind(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, WINDOW + 5)
    channel.says = {7: [Killed()]}

    def meanwhile(number: int) -> None:
        if number == 6:
            pause(app, mailing)

    channel.before = meanwhile
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    channel.before = lambda number: None
    assert resume(app, mailing) == [0]
    assert not send_chunk(make_sender(app, channel, "b"), mailing, 0), "the dead one's lease holds still"
    clock.move(LEASE)
    assert tick(app) == [(mailing, 0)]
    send_chunk(make_sender(app, channel, "b"), mailing, 0)
    assert set(channel.times) == set(range(1, WINDOW + 6))
    assert [number for number, times in channel.times.items() if times > 1] == list(range(1, 8))


def test_one_whose_lease_ran_out_during_the_pause_is_taken_at_once(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 5)
    channel.says = {3: [Killed()]}
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    pause(app, mailing)
    clock.move(2 * LEASE)
    assert tick(app) == [], "a paused mailing is not woken"
    assert resume(app, mailing) == [0]
    send_chunk(make_sender(app, channel, "b"), mailing, 0)
    assert counts(app, mailing) == {"sent": 5}


def test_a_mailing_that_was_through_when_it_was_paused_is_finished_when_it_goes_on(
    app: Application, channel: Scripted
) -> None:
    mailing = planned(app, 5)
    channel.before = lambda number: pause(app, mailing) if number == 3 else None
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 5}
    assert state(app, mailing) is MailingState.PAUSED
    assert resume(app, mailing) == []
    assert state(app, mailing) is MailingState.FINISHED
    assert types(app)["mailing.finished"] == 1


def test_a_retry_whose_event_came_during_the_pause_is_not_forgotten(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 2)
    channel.says = {2: [Retryable("later", code="450")]}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    clock.move(timedelta(minutes=5))
    assert tick(app) == [(mailing, 0)]
    pause(app, mailing)
    assert send_retries(sender, mailing, 0) == 0
    assert tick(app) == []
    assert resume(app, mailing) == [0]
    assert send_retries(sender, mailing, 0) == 1
    assert counts(app, mailing) == {"sent": 2}
    assert state(app, mailing) is MailingState.FINISHED


def test_a_chunk_that_a_sender_gives_back_after_the_resumption_looked_is_woken(
    app: Application, channel: Scripted
) -> None:
    """On PostgreSQL a sender may find the pause, and give its chunk back only after the events of the resumption were
    answered with "taken"."""
    mailing = planned(app, WINDOW + 5)
    channel.before = lambda number: pause(app, mailing) if number == 7 else None
    send_chunk(make_sender(app, channel), mailing, 0)
    with app.store.write() as tx:  # resumed, and the event lost
        tx.ledger.move(mailing, MailingState.RUNNING, app.clock.now())
    assert tick(app) == [(mailing, 0)]


# -- what happens to items meanwhile --------------------------------------------------------------------------


def test_what_is_withdrawn_during_a_pause_is_not_in_the_mails_after_it(app: Application, channel: Scripted) -> None:
    mailing = planned(app, WINDOW + 3, titles=("Item 0", "Item 1"))
    channel.before = lambda number: pause(app, mailing) if number == 7 else None
    send_chunk(make_sender(app, channel), mailing, 0)
    with app.store.write() as tx:
        withdraw_item(tx, "Item 0")
        unsubscribe(tx, WINDOW + 1, app.clock.now())
    channel.before = lambda number: None
    resume(app, mailing)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert b"Item 0" in channel.handed[0].content
    assert b"Item 0" not in channel.handed[-1].content
    assert b"Item 1" in channel.handed[-1].content
    assert counts(app, mailing) == {"sent": WINDOW + 2, "suppressed": 1}


def test_a_mail_left_empty_during_a_pause_is_not_sent(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 3)
    pause(app, mailing)
    with app.store.write() as tx:
        withdraw_item(tx)
    resume(app, mailing)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert channel.handed == []
    assert counts(app, mailing) == {"empty": 3}


# -- retry ----------------------------------------------------------------------------------------------------


def with_exceptions(app: Application, *kinds: DeliveryState, state: str = "finished") -> int:
    """A mailing that is through, with an exception of each kind at the first places."""
    mailing = planned(app, len(kinds) + 1, state=MailingState(state))
    with app.store.write() as tx:
        size = len(kinds) + 1
        tx.connection.execute(update(chunks).values(state="done", sent_upto=size, doubt_upto=size))
        for place, kind in enumerate(kinds):
            tx.connection.execute(
                insert(delivery_exceptions).values(
                    mailing_id=mailing,
                    chunk=0,
                    place=place,
                    state=kind.value,
                    code="why",
                    attempts=7,
                    handovers=MAX_HANDOVERS if kind is S.QUARANTINED else 0,
                    next_attempt_at=app.clock.now() + timedelta(hours=12) if kind is S.RETRY else None,
                    changed_at=app.clock.now(),
                )
            )
    return mailing


@pytest.mark.parametrize("policy", list(InDoubt))
def test_what_is_held_back_and_what_waits_is_tried_again_now(app: Application, policy: InDoubt) -> None:
    mailing = with_exceptions(app, S.QUARANTINED, S.RETRY, S.FAILED, S.SUPPRESSED)
    channel = Scripted(policy)
    with app.store.write() as tx:
        assert retry_mailing(tx, mailing, app.clock.now()) == {S.QUARANTINED: 1, S.RETRY: 1}
    assert types(app) == {"mailing.resumed": 1, "delivery.chunk-ready": 1}
    send_retries(make_sender(app, channel), mailing, 0)
    assert channel.times == {1: 1, 2: 1}
    assert counts(app, mailing) == {"sent": 3, "failed": 1, "suppressed": 1}
    assert state(app, mailing) is MailingState.FINISHED


def test_what_failed_is_tried_again_only_where_it_is_named(app: Application, channel: Scripted) -> None:
    mailing = with_exceptions(app, S.FAILED, S.QUARANTINED)
    channel.says = {1: [Permanent("no", code="550 5.7.1")]}
    with app.store.write() as tx:
        assert retry_mailing(tx, mailing, app.clock.now(), [S.FAILED]) == {S.FAILED: 1}
    send_retries(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 1, "failed": 1, "quarantined": 1}
    assert channel.times == {1: 1}


@pytest.mark.parametrize(
    ("state_", "hint"),
    [("planned", "approve it first"), ("paused", "let it go on first"), ("cancelled", "nothing of it leaves any more")],
)
def test_nothing_is_tried_again_of_a_mailing_that_may_not_leave(app: Application, state_: str, hint: str) -> None:
    mailing = with_exceptions(app, S.QUARANTINED, state=state_)
    with pytest.raises(Conflict) as refused, app.store.write() as tx:
        retry_mailing(tx, mailing, app.clock.now())
    assert hint in str(refused.value).lower()


def test_only_what_waits_for_somebody_can_be_tried_again(app: Application) -> None:
    mailing = with_exceptions(app, S.QUARANTINED)
    with pytest.raises(InvalidInput, match="What is sent cannot"), app.store.write() as tx:
        retry_mailing(tx, mailing, app.clock.now(), [S.SENT])


# -- wrong states ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "states"),
    [
        (pause_mailing, {"planned": "approve", "paused": "resume", "cancelled": "show", "finished": "show"}),
        (
            resume_mailing,
            {"planned": "approve", "approved": "show", "running": "show", "cancelled": "show", "finished": "retry"},
        ),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_with_what_to_do(
    app: Application, move: Callable[..., object], states: dict[str, str]
) -> None:
    for number, (name, command) in enumerate(states.items()):
        mailing = plan(app.store, [1], state=MailingState(name), occasion=f"2026-11-{number + 1:02}")
        with pytest.raises(Conflict) as refused, app.store.write() as tx:
            move(tx, mailing, app.clock.now())
        assert f"`tribune mailing {command} {mailing}`" in str(refused.value)
    with pytest.raises(NotFound), app.store.write() as tx:
        move(tx, 99, app.clock.now())
    assert events(app) == []
