"""Several people who change what they get in one transaction: each keeps what was still to come to them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Subscriber, Subscription
from tribune.services.audience.change_subscribers import change_subscribers
from tribune.store.tables import carry_overs

pytestmark = pytest.mark.both_stores


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def monthly(old: Subscriber) -> Subscriber:
    rhythm = replace(old.rhythms[0], cadence=Cadence.MONTHLY)
    return replace(old, subscriptions=(Subscription("letter", Cadence.MONTHLY, Choice()),), rhythms=(rhythm,))


@pytest.mark.parametrize(
    "cadences",
    [
        ("weekly", "daily", "weekly"),
        ("weekly", "daily"),
        ("daily", "weekly", "daily"),
        ("daily", "weekly"),
        ("weekly", "weekly", "daily", "at_once"),
    ],
)
def test_who_had_other_rhythms_loses_nothing_to_each_other(
    app: Application, world: World, cadences: tuple[str, ...]
) -> None:
    people = [world.person(cadence) for cadence in cadences]
    item = world.item("en")
    with app.store.write() as tx:
        changes = [(old, monthly(old)) for old in tx.audience.several(people).values()]
        change_subscribers(tx, changes, app.digests, app.codelists, START)
    with app.store.read() as tx:
        told = tx.connection.execute(select(carry_overs.c.subscriber_id, carry_overs.c.item_id)).all()
    assert sorted(told) == [(person, item) for person in people]
