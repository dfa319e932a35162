"""Who changes zone or hour is served at once with what they would miss - all of them, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from consumers import all_consumers
from consumers.loop import drain
from tests import outbox_log
from tests.planning_world import START, World, days
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence
from tribune.domain.events import CloudEvent, EditionDue
from tribune.domain.imports import Basis, BasisKind
from tribune.services.audience import serve_after_change as serving
from tribune.services.audience.change_subscribers import change_subscribers
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.events.event_data import data_of
from tribune.services.planning.plan_edition import plan_edition

pytestmark = pytest.mark.both_stores
KOLKATA = "Asia/Kolkata"  # where it is eight o'clock five and a half hours earlier than in Dakar


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def served(app: Application) -> set[int]:
    """Whoever got a mail out of the events that wait."""
    drain([one for one in all_consumers(app) if one.group == "mailings"], app)
    with app.store.read() as tx:
        return {view.subscriber for mailing in tx.ledger.mailings() for view in tx.ledger.deliveries(mailing.id)}


def moves(world: World, *people: int) -> None:
    """They move to Kolkata, where it is past eight, from Dakar, where it is not."""
    app = world.app
    with app.store.write() as tx:
        changes = [(old, replace(old, zone=KOLKATA)) for old in tx.audience.several(people).values()]
        change_subscribers(tx, changes, app.digests, app.codelists, START - timedelta(hours=1))


def fired(world: World) -> list[tuple[CloudEvent, EditionDue]]:
    found = [event for event in outbox_log.events(world.app, "mailings") if event.type == "edition.due"]
    return [(event, data_of(event, EditionDue)) for event in found]


def planned(world: World) -> set[int]:
    """Whoever the editions are for that were fired since."""
    app, found = world.app, set[int]()
    for event, told in fired(world):
        with app.store.write() as tx:
            made = plan_edition(tx, told, event, app.digests, app.codelists, app.rules, told.due_at)
        found |= world.mails(made).keys()
    return found


@pytest.mark.embedded_only
def test_whoever_came_too_late_for_today_waits_for_their_own_hour(world: World) -> None:
    app = world.app
    mover = world.person("daily")
    world.item("en")
    assert world.plan("daily", START - days(1)).recipients == 1
    newcomers = {world.person("daily", zone=KOLKATA) for _ in range(2)}
    world.item("en")
    with app.store.read() as tx:
        old = tx.audience.one(mover)
        before = {view.subscriber for view in tx.ledger.deliveries(1)}
    assert old is not None
    assert before == {mover}
    at = START - timedelta(hours=1)  # past eight in Kolkata, not yet in Dakar
    with app.store.write() as tx:
        change_subscribers(tx, [(old, replace(old, zone=KOLKATA))], app.digests, app.codelists, at)
    served(app)
    with app.store.read() as tx:
        (newest,) = [mailing for mailing in tx.ledger.mailings() if mailing.due_at == at]
        got = {view.subscriber for view in tx.ledger.deliveries(newest.id)}
    assert got == {mover}, "the newcomers' first issue comes at their hour"
    assert world.plan("daily", START + days(1), zones=(KOLKATA,)).recipients == 2
    assert newcomers


def test_whoever_moves_on_the_day_they_joined_takes_no_newcomer_along(world: World) -> None:
    late = {world.person("daily", zone=KOLKATA) for _ in range(2)}  # where it is past eight
    early = world.person("daily")  # for Dakar, where it is not
    other = world.person("daily")
    world.item("en")
    moves(world, early, other)
    assert planned(world) == {early, other}, "the others' first issue comes at their hour"
    assert world.mails(world.plan("daily", START + days(1), zones=(KOLKATA,))).keys() == late


def test_whoever_had_this_issue_gave_it_up_and_took_it_again_gets_it_once(world: World) -> None:
    person = world.person("daily")
    world.item("en")
    assert world.plan("daily", START).recipients == 1
    app = world.app
    for wishes in ("weekly", "daily"):  # a mark that is given up is gone, and a new one has no date
        with app.store.write() as tx:
            old = tx.audience.several([person])[person]
            new = replace(
                old,
                subscriptions=tuple(replace(one, cadence=Cadence(wishes)) for one in old.subscriptions),
                rhythms=tuple(replace(one, cadence=Cadence(wishes), last_date=None) for one in old.rhythms),
            )
            change_subscribers(tx, [(old, new)], app.digests, app.codelists, START)
    world.item("en")
    moves(world, person)
    assert [told.newcomers for _, told in fired(world)] == [(person,)]
    assert planned(world) == set()


def test_a_crowd_of_newcomers_is_not_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known limit: those who came too late for their new cohort's hour get their first issue with them."""
    monkeypatch.setattr(serving, "MOST_NAMED", 1)
    late, *early = (world.person("daily", zone=zone) for zone in (KOLKATA, "Africa/Dakar", "Africa/Dakar"))
    world.item("en")
    moves(world, *early)
    assert planned(world) == {late, *early}


@pytest.mark.embedded_only
def test_an_import_that_moves_many_serves_all_of_them(world: World, tmp_path: Path) -> None:
    app = world.app
    file = tmp_path / "people.csv"

    def take(*zones: str) -> None:
        rows = [f"p{n}@example.org,en,{zone},letter,daily,8" for n, zone in enumerate(zones)]
        file.write_text("\n".join(["address,languages,zone,digest,cadence,hour", *rows]), encoding="utf-8")
        basis = Basis(BasisKind.TRANSFER, "the list of before")
        import_subscribers(app.store, app.clock, file, app.digests, app.codelists, basis=basis)

    app.clock.set(START - timedelta(hours=1))  # type: ignore[attr-defined]
    take(*["Africa/Dakar"] * 6)
    world.item("en")
    take("Africa/Dakar", *[KOLKATA] * 2, *["Africa/Nairobi"] * 3)
    assert len(served(app)) == 5
