"""A provider that says "slow down" is left alone by everything that would come next, with rates and without."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from tests.integration.test_throttled_mails import Slow, too_many, work
from tests.mailing_world import Scripted, counts, planned, state, tick, types
from tests.planned import make_sender
from tribune.bootstrap import Application
from tribune.domain.errors import Retryable, Throttled
from tribune.domain.mailings import MailingState
from tribune.domain.throttling import FIRST_REST, LONGEST_REST, Permit, Rates
from tribune.ports.clock import StoppedClock
from tribune.services.sending.pause_mailing import pause_mailing, resume_mailing
from tribune.store.tables import people, throttles

pytestmark = pytest.mark.both_stores
SECOND = timedelta(seconds=1)
GOOGLE = ("google",)
AGAIN = (421, b"4.7.28 unusual rate of mail")


def another(app: Application, *sizes: int, occasion: str = "2026-11-24", **more: object) -> int:
    """One more mailing of the same digest."""
    with app.store.read() as tx:
        first = (tx.connection.execute(select(func.max(people.c.id))).scalar() or 0) + 1
    return planned(app, *sizes, groups=GOOGLE, occasion=occasion, titles=(occasion,), first=first, **more)


def rest_of(app: Application, group: str = "google") -> tuple[int, timedelta]:
    """How often in a row it was throttled, and how long it is still left alone."""
    with app.store.read() as tx:
        row = tx.connection.execute(
            select(throttles.c.failures, throttles.c.rest_until).where(throttles.c.domain_group == group)
        ).one()
        return row.failures, row.rest_until - tx.now()


def test_a_mailing_that_is_resumed_in_the_middle_of_a_rest_waits_for_its_end(
    app: Application, clock: StoppedClock
) -> None:
    channel = Slow(too_many(*AGAIN), 10)
    sender = make_sender(app, channel)
    a = planned(app, 300, 300, groups=GOOGLE)
    b = another(app, 300, 300)
    with app.store.write() as tx:
        pause_mailing(tx, b, tx.now())
    work(sender, [(a, 0), (a, 1)])
    taken = len(channel.taken)
    clock.move(5 * SECOND)
    with app.store.write() as tx:
        resume_mailing(tx, b, tx.now())
    work(sender, [(b, 0), (b, 1)])
    assert len(channel.taken) == taken
    assert counts(app, b) == {"waiting": 600}
    assert tick(app) == [], "it rests"
    clock.move(FIRST_REST - 5 * SECOND)
    work(sender, tick(app))
    assert counts(app, b) == {"sent": 600}


def test_mailings_that_come_during_a_rest_wait_for_its_end(app: Application, clock: StoppedClock) -> None:
    channel = Slow(too_many(*AGAIN), 1)
    sender = make_sender(app, channel)
    work(sender, [(planned(app, 5, groups=GOOGLE), 0)])
    for day in range(1, 4):
        mailing = another(app, 5, occasion=f"2026-12-0{day}")
        work(sender, [(mailing, 0)])
        assert (counts(app, mailing), state(app, mailing)) == ({"waiting": 5}, MailingState.APPROVED)
        clock.move(5 * SECOND)
    assert channel.taken == []
    assert types(app)["mailing.started"] == 1, "of the first one alone mails have left"
    other = planned(app, 5, groups=("microsoft",), occasion="other", titles=("Other",), first=1_000)
    work(sender, [(other, 0)])
    assert counts(app, other) == {"sent": 5}, "another provider's go on"


def test_it_is_left_alone_for_as_long_as_it_asked_itself(app: Application, clock: StoppedClock) -> None:
    channel = Scripted()
    channel.says = {1: [Throttled("slow down", code="421")]}  # for two minutes
    sender = make_sender(app, channel)
    work(sender, [(planned(app, 5, groups=GOOGLE), 0)])
    mailing = another(app, 5)
    clock.move(timedelta(seconds=119))
    work(sender, [(mailing, 0)])
    assert counts(app, mailing) == {"waiting": 5}
    clock.move(SECOND)
    work(sender, tick(app))
    assert counts(app, mailing) == {"sent": 5}


@pytest.mark.parametrize("group", ["google", "other"])
def test_later_attempts_wait_for_the_end_of_a_rest_uncounted(app: Application, clock: StoppedClock, group: str) -> None:
    channel = Scripted()
    channel.says = {n: [Retryable("later", code="450")] for n in range(1, 401)}
    sender = make_sender(app, channel)
    mailing = planned(app, 400, groups=(group,))
    work(sender, [(mailing, 0)])
    clock.move(timedelta(minutes=6))
    with app.store.write() as tx:
        until = tx.throttles.failed(channel.name, group, tx.now())
    channel.handed.clear()
    woken = tick(app)
    work(sender, woken)
    assert channel.handed == []
    with app.store.read() as tx:
        assert {view.attempts for view in tx.ledger.deliveries(mailing)} == {1}
    clock.move(until - clock.now() - SECOND)
    assert tick(app) == [], "all of them"
    clock.move(SECOND)
    work(sender, tick(app))
    assert counts(app, mailing) == {"sent": 400}


def test_what_was_sent_before_the_end_of_a_rest_does_not_make_the_next_one_short(
    app: Application, clock: StoppedClock
) -> None:
    def failed() -> timedelta:
        with app.store.write() as tx:
            return tx.throttles.failed("smtp", "google", tx.now()) - tx.now()

    def went_well(began: timedelta) -> None:
        with app.store.write() as tx:
            tx.throttles.went_well("smtp", "google", tx.now() - began)

    assert failed() == FIRST_REST
    went_well(SECOND)
    clock.move(FIRST_REST)
    went_well(SECOND)  # it was opened before, by a sender that had not heard of it, and is settled now
    assert failed() == 2 * FIRST_REST
    clock.move(2 * FIRST_REST + SECOND)
    went_well(SECOND)
    assert failed() == FIRST_REST, "it takes mail again"


def test_a_window_that_was_open_when_the_rest_began_does_not_end_its_growth(
    app: Application, clock: StoppedClock
) -> None:
    channel = Scripted()
    mailing = planned(app, 5, groups=GOOGLE)

    def meanwhile(number: int) -> None:
        if number == 3:
            with app.store.write() as tx:
                tx.throttles.failed(channel.name, "google", tx.now())

    channel.before = meanwhile
    work(make_sender(app, channel), [(mailing, 0)])
    assert counts(app, mailing) == {"sent": 5}
    assert rest_of(app)[0] == 1
    clock.move(FIRST_REST)
    again = another(app, 5)
    work(make_sender(app, channel), [(again, 0)])
    assert counts(app, again) == {"sent": 5}
    assert rest_of(app)[0] == 0


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_is_set_back_makes_no_rest_longer_than_the_longest(
    app: Application, clock: StoppedClock, back: timedelta
) -> None:
    with app.store.write() as tx:
        tx.throttles.failed("smtp", "google", tx.now())
    clock.move(-back)
    for _ in range(3):
        with app.store.write() as tx:
            assert tx.throttles.take("smtp", "google", 9, Rates(), tx.now()) == Permit(0, LONGEST_REST - 2 * SECOND * _)
        clock.move(2 * SECOND)
    clock.move(LONGEST_REST)
    with app.store.write() as tx:
        assert tx.throttles.take("smtp", "google", 9, Rates(), tx.now()) == Permit(9)
        tx.connection.execute(update(throttles).values(rest_until=tx.now() + back))
        assert tx.throttles.failed("smtp", "google", tx.now()) == tx.now() + LONGEST_REST
