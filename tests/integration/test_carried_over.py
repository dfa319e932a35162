"""What a cancelled mailing did not bring comes with the next mail (decisions.md, 16), and to whom it does not."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

import scheduler
from tests.mailing_world import (
    Killed,
    Scripted,
    cancel,
    carried,
    channel,
    counts,
    planned,
    tick,
    unsubscribe,
)
from tests.planned import make_sender
from tests.planning_world import START, World, days
from tribune.bootstrap import Application
from tribune.domain.errors import Permanent, Retryable, UnknownOutcome
from tribune.domain.mailings import WINDOW
from tribune.domain.sending import LEASE
from tribune.ports.clock import StoppedClock
from tribune.services.sending.cancel_mailing import Closed, cancel_mailing
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

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


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
