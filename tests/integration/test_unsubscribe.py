"""Stopping, coming back, and asking for less."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from consumers import all_consumers
from consumers.loop import drain
from tests.planning_world import START, World, days
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Status, Subscriber
from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.services.audience.pause_subscriber import pause_until
from tribune.services.audience.unsubscribe import less_often, subscribe_again, unsubscribe
from tribune.services.planning.plan_edition import Planned

pytestmark = pytest.mark.both_stores

MONTH = timedelta(days=30)


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def one(world: World, person: int) -> Subscriber:
    with world.app.store.read() as tx:
        found = tx.audience.one(person)
    assert found is not None
    return found


def may_be_mailed(world: World, planned: Planned, digest: str = "letter") -> bool:
    """Whether a sender that has this mailing of one mail in hand may send it."""
    assert planned.mailing is not None
    with world.app.store.read() as tx:
        ((_, recipient),) = tx.ledger.seats(planned.mailing, 0, [0], digest, Cadence.DAILY)
    return recipient is not None and recipient.may_be_mailed


def test_stopping_a_digest_and_coming_back_is_exact(world: World) -> None:
    person = world.person("daily", ("weekly", Choice(policy_areas=frozenset({"wages"}))))
    world.item("en")
    planned = world.plan("daily")
    assert may_be_mailed(world, planned)
    before = one(world, person)
    with world.app.store.write() as tx:
        assert unsubscribe(tx, person, "letter", START)
        assert not unsubscribe(tx, person, "letter", START + days(1)), "a second time changes nothing"
    assert not may_be_mailed(world, planned)
    assert one(world, person).status is Status.UNSUBSCRIBED
    item = world.item("en")
    with world.app.store.write() as tx:
        assert subscribe_again(tx, person, "letter", MONTH, START + days(1))
        assert not subscribe_again(tx, person, "letter", MONTH, START + days(1))
    assert one(world, person) == before
    assert world.got(world.plan("daily", START + days(1)), person) == [(item, "en")]


def test_who_left_in_a_pause_is_back_in_it(world: World) -> None:
    person = world.person("daily")
    with world.app.store.write() as tx:
        until = pause_until(tx, person, (START + days(20)).date(), START)
    paused = one(world, person)
    with world.app.store.write() as tx:
        assert unsubscribe(tx, person, None, START)
        assert tx.audience.to_resume(START + days(30), 9) == [], "its end brings nobody back"
    assert (one(world, person).status, one(world, person).paused_until) == (Status.UNSUBSCRIBED, until)
    with world.app.store.write() as tx:
        assert subscribe_again(tx, person, None, MONTH, START + days(1))
        assert tx.audience.to_resume(START + days(30), 9) == [person]
    assert one(world, person) == paused


def test_coming_back_after_long_makes_up_for_thirty_days_at_most(world: World) -> None:
    person = world.person("daily")
    with world.app.store.write() as tx:
        unsubscribe(tx, person, None, START)
    world.item("en", at=START + days(1))
    recent = world.item("en", at=START + days(80))
    with world.app.store.write() as tx:
        subscribe_again(tx, person, None, MONTH, START + days(100))
    assert world.got(world.plan("daily", START + days(100)), person) == [(recent, "en")]


def test_stopping_one_of_two_digests_leaves_the_other(world: World) -> None:
    person = world.person("daily")
    told = one(world, person)
    both = replace(
        told,
        subscriptions=(*told.subscriptions, replace(told.subscriptions[0], digest="news")),
        rhythms=(*told.rhythms, replace(told.rhythms[0], digest="news")),
    )
    from tribune.services.audience.refresh_masks import masker

    world.item("en")
    planned = world.plan("daily")
    with world.app.store.write() as tx:
        tx.audience.update([both], masker(tx, world.app.codelists), START)
        unsubscribe(tx, person, "news", START)
    reach = {digest: may_be_mailed(world, planned, digest) for digest in ("letter", "news")}
    assert reach == {"letter": True, "news": False}
    with world.app.store.write() as tx:
        unsubscribe(tx, person, None, START + days(1))
        subscribe_again(tx, person, None, MONTH, START + days(2))
    stopped = {r.digest: r.stopped_at is not None for r in one(world, person).rhythms}
    assert stopped == {"letter": False, "news": True}, "what was stopped for itself stays so"


def test_less_often_loses_nothing_and_repeats_nothing(world: World) -> None:
    person = world.person("daily", zone="Africa/Dakar")
    had = world.item("en")
    assert world.got(world.plan("daily"), person) == [(had, "en")]
    pending = world.item("en")
    with world.app.store.write() as tx:
        assert less_often(tx, person, world.digest(), world.app.codelists, START) is Cadence.WEEKLY
        upcoming = [u.row.cadence for u in tx.schedules.upcoming(5) if u.people]
    assert upcoming == [Cadence.WEEKLY]
    later = world.item("en")
    assert world.got(world.plan("weekly", START + days(7)), person) == [(later, "en"), (pending, "en")]


def test_less_often_joins_a_slower_subscription_that_stands(world: World) -> None:
    wages = Choice(policy_areas=frozenset({"wages"}))
    person = world.person(("daily", wages), "weekly")
    item = world.item("en", areas=("wages",))
    world.plan("daily")
    other = world.item("en", areas=("wages",))
    with world.app.store.write() as tx:
        less_often(tx, person, world.digest(), world.app.codelists, START)
    assert len(one(world, person).rhythms) == 1
    assert world.got(world.plan("weekly", START + days(7)), person) == [(other, "en")]
    assert item


def test_there_is_nothing_slower_than_the_slowest_on_offer(world: World) -> None:
    person = world.person("weekly")
    digest: Digest = replace(world.digest(), cadences=(Cadence.DAILY, Cadence.WEEKLY))
    with world.app.store.write() as tx:
        assert less_often(tx, person, digest, world.app.codelists, START) is None


def test_somebody_who_was_erased(world: World) -> None:
    with world.app.store.write() as tx, pytest.raises(NotFound, match="no such subscriber"):
        unsubscribe(tx, 99, None, START)


@pytest.mark.embedded_only
def test_two_who_move_to_other_zones_are_both_served_what_falls_between(world: World) -> None:
    """Moved in one go: one event names both cohorts, as two of the same instant would be taken for a repeat."""
    from tribune.services.audience.change_subscribers import change_subscribers

    at = START - timedelta(hours=1)  # 07:00 UTC: eight o'clock is over in Kolkata and Nairobi, and to come in Dakar
    people = [world.person("daily"), world.person("daily")]
    item = world.item("en")
    old = [one(world, person) for person in people]
    new = [replace(old[0], zone="Asia/Kolkata"), replace(old[1], zone="Africa/Nairobi")]
    with world.app.store.write() as tx:
        change_subscribers(tx, list(zip(old, new, strict=True)), world.app.digests, world.app.codelists, at)
    drain(all_consumers(world.app)[2:3], world.app)
    with world.app.store.read() as tx:
        mailings = tx.ledger.mailings()
        got = {view.subscriber for mailing in mailings for view in tx.ledger.deliveries(mailing.id)}
    assert got == set(people)
    assert item
