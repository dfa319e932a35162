"""Cancel: who was not mailed is on record, and what they did not get comes with their next mail (decisions.md, 16)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

import scheduler
from tests.integration.test_send_chunk import Killed, Scripted, counts, events, state, tick, types, unsubscribe
from tests.planned import add_item, make_sender, plan
from tests.planning_world import START, World, days
from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, NotFound, Permanent, Retryable, Throttled, UnknownOutcome
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.domain.sending import LEASE, InDoubt, policy_of
from tribune.ports.clock import StoppedClock
from tribune.services.sending.cancel_mailing import Closed, cancel_mailing, close_slice
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries
from tribune.store.tables import (
    at_once_served,
    carry_overs,
    chunks,
    delivery_exceptions,
    marks,
    people,
    rhythms,
    signatures,
    subscribers,
    subscriptions,
)

pytestmark = pytest.mark.both_stores
S = DeliveryState
NUMBERS = count()


@pytest.fixture
def channel() -> Scripted:
    return Scripted()


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def planned(app: Application, *sizes: int, state: MailingState = MailingState.APPROVED, items: int = 1) -> int:
    with app.store.write() as tx:
        made = [add_item(tx, f"Item {number}") for number in range(items)]
    return plan(app.store, sizes, with_people=True, items=made, state=state)


def cancel(app: Application, mailing: int) -> Closed:
    with app.store.write() as tx:
        told, closed = cancel_mailing(tx, mailing, app.clock.now())
    assert told.state is MailingState.CANCELLED
    return closed


def carried(app: Application) -> dict[int, set[int]]:
    """Subscriber -> items that wait for them because a mailing was cancelled."""
    found: dict[int, set[int]] = {}
    with app.store.read() as tx:
        for row in tx.connection.execute(select(carry_overs).where(carry_overs.c.reason == "cancelled")):
            found.setdefault(row.subscriber_id, set()).add(row.item_id)
    return found


def closed_at(app: Application, mailing: int) -> object:
    with app.store.read() as tx:
        told = tx.ledger.mailing(mailing)
    assert told is not None
    return told.finished_at


# -- the next edition -----------------------------------------------------------------------------------------


def test_the_next_edition_holds_what_the_cancelled_one_did_not_bring(app: Application, world: World) -> None:
    reader = world.person("daily", languages=("fr", "en"))
    other = world.person("daily")
    first, second = world.item("en", "fr"), world.item("en")
    cancelled = world.plan("daily")
    assert cancelled.mailing is not None
    assert cancel(app, cancelled.mailing) == Closed(chunks=2, people=2, left=0)
    assert counts(app, cancelled.mailing) == {"cancelled": 2}
    third = world.item("en", at=START + timedelta(hours=1))
    following = world.plan("daily", START + days(1))
    assert sorted(world.got(following, reader)) == [(first, "fr"), (second, "en"), (third, "en")]
    assert sorted(world.got(following, other)) == [(first, "en"), (second, "en"), (third, "en")]
    assert carried(app) == {}
    assert world.plan("daily", START + days(2)).recipients == 0, "once, and no more"


def test_it_comes_even_where_there_is_nothing_new(app: Application, world: World) -> None:
    reader = world.person("weekly")
    item = world.item("en")
    cancelled = world.plan("weekly")
    assert cancelled.mailing is not None
    cancel(app, cancelled.mailing)
    assert world.got(world.plan("weekly", START + days(7)), reader) == [(item, "en")]


def test_one_cancelled_after_the_other_loses_nothing(app: Application, world: World) -> None:
    reader = world.person("daily")
    first = world.item("en")
    cancel(app, world.plan("daily").mailing or 0)
    second = world.item("en", at=START + timedelta(hours=1))
    cancel(app, world.plan("daily", START + days(1)).mailing or 0)
    assert sorted(world.got(world.plan("daily", START + days(2)), reader)) == [(first, "en"), (second, "en")]


def test_what_was_withdrawn_since_is_not_carried_into_a_mail(app: Application, world: World) -> None:
    world.person("daily")
    item = world.item("en")
    cancel(app, world.plan("daily").mailing or 0)
    world.withdraw(item)
    assert world.plan("daily", START + days(1)).recipients == 0


def test_at_once_keeps_its_cadence_and_is_planned_again(app: Application, world: World) -> None:
    reader, capped = world.person("at_once"), world.person("at_once")
    item = world.item("en")
    cancelled = world.plan("at_once")
    with app.store.write() as tx:
        window = tx.schedules.at_once("letter")
    cancel(app, cancelled.mailing or 0)
    with app.store.write() as tx:
        assert tx.connection.execute(select(at_once_served)).all() == []
        assert tx.schedules.at_once("letter") == window, "no window opens for it"
        assert tx.planning.mailed_at_once("letter", START - days(1)) == {}, "it does not count towards the cap"
    news = world.item("en", at=START + timedelta(minutes=20))
    following = world.plan("at_once", START + timedelta(minutes=30))
    assert sorted(world.got(following, reader)) == sorted(world.got(following, capped)) == [(item, "en"), (news, "en")]
    cancel(app, following.mailing or 0)
    assert sorted(world.got(world.plan("at_once", START + timedelta(hours=1)), reader)) == [(item, "en"), (news, "en")]


def test_who_was_mailed_at_once_before_it_was_cancelled_has_had_it(app: Application, world: World) -> None:
    first, second = world.person("at_once"), world.person("at_once")
    item = world.item("en")
    cancelled = world.plan("at_once").mailing or 0
    with app.store.write() as tx:  # the first one's mail has left
        tx.connection.execute(update(chunks).values(sent_upto=1, doubt_upto=1))
    cancel(app, cancelled)
    assert counts(app, cancelled) == {"sent": 1, "cancelled": 1}
    following = world.plan("at_once", START + timedelta(hours=1))
    assert world.got(following, first) == []
    assert world.got(following, second) == [(item, "en")]
    with app.store.read() as tx:
        assert tx.planning.mailed_at_once("letter", START - days(1)) == {
            START: [first],
            START + timedelta(hours=1): [second],
        }


def test_who_gave_the_cadence_up_gets_it_in_another(app: Application, world: World) -> None:
    reader = world.person("weekly", "monthly")
    item = world.item("en")
    mailing = world.plan("weekly").mailing or 0
    with app.store.write() as tx:
        gone = (rhythms.c.subscriber_id == reader) & (rhythms.c.cadence == "weekly")
        tx.connection.execute(delete(rhythms).where(gone))
    cancel(app, mailing)
    with app.store.read() as tx:
        row = tx.connection.execute(select(carry_overs)).one()
    assert (row.subscriber_id, row.cadence, row.item_id, row.language) == (reader, "monthly", item, "en")


# -- who gets nothing carried over ----------------------------------------------------------------------------


def test_suppressed_failed_and_gone_people_get_nothing_carried_over(app: Application, channel: Scripted) -> None:
    mailing = planned(app, WINDOW + 6)
    channel.says = {1: [Permanent("no such user", code="550 5.1.1")], 2: [Permanent("policy", code="550 5.7.1")]}
    with app.store.write() as tx:
        unsubscribe(tx, 3, app.clock.now())

    def meanwhile(number: int) -> None:
        if number == 100:
            with app.store.write() as tx:
                cancel_mailing(tx, mailing, app.clock.now())
                # People of the second window change before it is closed.
                first = WINDOW + 1
                unsubscribe(tx, first, app.clock.now())
                tx.audience.suppress(f"reader{first + 1}@example.org", "complaint", app.clock.now())
                tx.connection.execute(update(subscribers).where(subscribers.c.id == first + 2).values(status="paused"))
                for table in (subscriptions, rhythms, marks):
                    tx.connection.execute(delete(table).where(table.c.subscriber_id == first + 3))
                tx.connection.execute(delete(subscribers).where(subscribers.c.id == first + 3))
                tx.connection.execute(delete(people).where(people.c.id == first + 3))

    channel.before = meanwhile
    send_chunk(make_sender(app, channel), mailing, 0)
    scheduler.cancellations(app)
    assert set(carried(app)) == {WINDOW + 5, WINDOW + 6}
    assert counts(app, mailing) == {"sent": WINDOW - 3, "failed": 2, "suppressed": 1, "cancelled": 6}


@pytest.mark.parametrize(
    ("error", "state_", "comes"),
    [
        (Retryable("later", code="450"), "cancelled", True),
        (UnknownOutcome("lost", code="lost"), "in_doubt", False),
        (Permanent("no", code="550"), "failed", False),
    ],
)
def test_a_delivery_that_waits_for_its_next_attempt_is_carried_over_where_it_certainly_never_left(
    app: Application,
    channel: Scripted,
    error: Retryable | UnknownOutcome | Permanent,
    state_: str,
    comes: bool,
) -> None:
    mailing = planned(app, 2, 1)
    channel.says = {2: [error]}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    cancel(app, mailing)
    assert counts(app, mailing) == dict(Counter({"sent": 1, "cancelled": 1}) + Counter([state_]))
    assert set(carried(app)) == ({2, 3} if comes else {3})
    app.clock.move(timedelta(hours=1))  # type: ignore[attr-defined]
    assert tick(app) == []
    assert send_retries(sender, mailing, 0) == 0
    with app.store.read() as tx:
        people = {view.subscriber: view.state.value for view in tx.ledger.deliveries(mailing)}
    assert people == {1: "sent", 2: state_, 3: "cancelled"}


def test_what_nobody_knows_of_stays_held_back_and_what_could_not_be_made_is_carried_over(app: Application) -> None:
    mailing = planned(app, 3)
    with app.store.write() as tx:
        tx.connection.execute(update(chunks).values(sent_upto=2, doubt_upto=2, state="ready"))
        for place, handovers in ((0, 3), (1, 0)):
            tx.connection.execute(
                insert(delivery_exceptions).values(
                    mailing_id=mailing,
                    chunk=0,
                    place=place,
                    state="quarantined",
                    handovers=handovers,
                    changed_at=app.clock.now(),
                )
            )
    with app.store.read() as tx:
        assert tx.cancelling.unmailed(mailing) == 2
    cancel(app, mailing)
    assert counts(app, mailing) == {"quarantined": 1, "cancelled": 2}
    assert set(carried(app)) == {2, 3}


def test_what_may_have_left_is_not_carried_over_because_it_cannot_be_made_any_more(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 2)
    channel.says = {1: [UnknownOutcome("lost", code="lost")], 2: [Killed()]}
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(LEASE)
    with app.store.write() as tx:
        tx.connection.execute(delete(signatures))
    assert tick(app) == [(mailing, 0)]
    send_chunk(make_sender(app, channel, "b"), mailing, 0)
    assert counts(app, mailing) == {"quarantined": 2}
    with app.store.read() as tx:
        assert tx.cancelling.unmailed(mailing) == 0


def test_a_retry_that_may_have_left_before_is_not_carried_over_either(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 1, 1)
    channel.says = {1: [UnknownOutcome("lost", code="lost")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    with app.store.write() as tx:
        tx.connection.execute(delete(signatures))
    clock.move(timedelta(minutes=5))
    send_retries(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"waiting": 1, "quarantined": 1}
    assert cancel(app, mailing).chunks == 2
    assert counts(app, mailing) == {"cancelled": 1, "quarantined": 1}
    with app.store.read() as tx:
        assert tx.cancelling.unmailed(mailing) == 1


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
    with pytest.raises(Conflict, match="all of it has left"), app.store.write() as tx:
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
