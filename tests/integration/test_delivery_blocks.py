"""Who got which mailing, found by person; and what keeps a person from being planned twice. On both stores."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from tests.planned import plan
from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence
from tribune.domain.errors import Conflict
from tribune.ports.planning import DeliveryPlans
from tribune.store import delivery_blocks
from tribune.store.delivery_blocks import latest_places, latest_places_of, places_of

pytestmark = pytest.mark.both_stores


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def planned(*rows: tuple[int, int, int]) -> DeliveryPlans:
    """(chunk, place, subscriber)."""
    chunk, place, subscriber = np.array(rows, np.int64).reshape(-1, 3).T
    return DeliveryPlans(chunk, place, subscriber, np.zeros(len(rows), np.int64))


def test_everybody_is_found_where_they_stand(app: Application) -> None:
    dice = np.random.default_rng(1)
    people = np.sort(dice.choice(100_000, 3_000, replace=False)) + 1
    shuffled = dice.permutation(people)
    places = [(n // 500, n % 500, int(person)) for n, person in enumerate(shuffled)]
    with app.store.write() as tx:
        tx.planning.add_deliveries(7, planned(*places))
        tx.planning.add_deliveries(8, planned((70_000, 65_535, 2_147_483_647)))
    with app.store.read() as tx:
        found = places_of(tx.connection, 7, range(100_001))
        assert found == {person: (chunk, place) for chunk, place, person in places}
        assert places_of(tx.connection, 8, [2_147_483_647, 2_147_483_646]) == {2_147_483_647: (70_000, 65_535)}
        assert places_of(tx.connection, 9, [1]) == {}
        rows = tx.connection.exec_driver_sql("SELECT count(*) FROM delivery_blocks WHERE mailing_id = 7").scalar()
    assert rows == len(np.unique(people >> 7))


def test_the_newest_mailings_come_first_however_many(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_blocks, "_MAILINGS_AT_ONCE", 3)
    with app.store.write() as tx:
        for mailing in range(1, 11):
            mine = [(0, 0, 300)] if mailing % 2 else []
            tx.planning.add_deliveries(mailing, planned(*mine, (0, 1, 301)))
    with app.store.read() as tx:
        assert latest_places(tx.connection, 300, 100) == [(mailing, 0, 0) for mailing in (9, 7, 5, 3, 1)]
        assert latest_places(tx.connection, 300, 2) == [(9, 0, 0), (7, 0, 0)]
        assert len(latest_places(tx.connection, 301, 100)) == 10
        assert latest_places(tx.connection, 302, 100) == []
        together = latest_places_of(tx.connection, [300, 301, 302], 2)  # neighbours are read together
        assert together == {who: latest_places(tx.connection, who, 2) for who in (300, 301)}


def test_a_persons_deliveries_tell_their_state(app: Application) -> None:
    first = plan(app.store, [2, 3], with_people=True)
    second = plan(app.store, [5], occasion="2026-11-24")
    with app.store.read() as tx:
        views = tx.ledger.deliveries_to(4)
        assert [(view.mailing, view.chunk, view.place, view.subscriber) for view in views] == [
            (second, 0, 3, 4),
            (first, 1, 1, 4),
        ]
        assert {view.state.value for view in views} == {"waiting"}
        assert [view.chunk for view in tx.ledger.deliveries(first, subscriber=4)] == [1]
        assert tx.ledger.deliveries_to(99) == tx.ledger.deliveries(first, subscriber=99) == []


def test_nobody_is_twice_in_a_mailing(app: Application) -> None:
    with pytest.raises(ValueError, match="mailing 5 holds somebody twice"), app.store.write() as tx:
        tx.planning.add_deliveries(5, planned((0, 0, 11), (0, 1, 12), (1, 0, 11)))
    with app.store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM deliveries").scalar() == 0


def test_a_mark_moves_once_for_a_date(world: World) -> None:
    """What keeps an occurrence unique, should two ever plan the same date without waiting for each other."""
    people = [world.person("daily") for _ in range(3)]
    today = date(2026, 11, 23)
    with world.app.store.write() as tx:
        due = tx.planning.these("letter", Cadence.DAILY, people)
        tx.planning.advance_marks("letter", Cadence.DAILY, due, 1, today)
    with pytest.raises(Conflict, match="served meanwhile"), world.app.store.write() as tx:
        due = tx.planning.these("letter", Cadence.DAILY, people)
        tx.planning.advance_marks("letter", Cadence.DAILY, due, 2, today)
    with world.app.store.write() as tx:
        due = tx.planning.these("letter", Cadence.DAILY, people)
        assert set(due.marks.tolist()) == {1}
        tx.planning.advance_marks("letter", Cadence.DAILY, due, 2, today + timedelta(days=1))


def test_who_gave_a_digest_up_and_took_it_again_is_not_served_twice_for_a_date(world: World) -> None:
    """The new mark knows no date; the ledger does."""
    person, other = world.person("daily"), world.person("daily")
    world.item("en")
    assert set(world.mails(world.plan("daily"))) == {person, other}
    newcomer = world.person("daily")
    with world.app.store.write() as tx:
        tx.connection.exec_driver_sql(f"UPDATE marks SET last_date = NULL WHERE subscriber_id = {person}")
    later = world.item("en")
    again = world.plan("daily", START + timedelta(hours=5))
    assert set(world.mails(again)) == {newcomer}
    tomorrow = world.plan("daily", START + timedelta(days=1))
    assert world.got(tomorrow, person) == [(later, "en")]


def test_gaps_among_the_numbers_of_people_are_no_matter(world: World) -> None:
    people = [world.person("daily", languages=(language,)) for language in ("en", "fr", "en", "es", "en", "fr")]
    erased, paused = people[1], people[4]
    with world.app.store.write() as tx:
        for table in ("subscriptions", "rhythms", "marks"):
            tx.connection.exec_driver_sql(f"DELETE FROM {table} WHERE subscriber_id = {erased}")
        for table in ("subscribers", "people"):
            tx.connection.exec_driver_sql(f"DELETE FROM {table} WHERE id = {erased}")
        tx.connection.exec_driver_sql(f"UPDATE rhythms SET stopped_at = '2026-11-20' WHERE subscriber_id = {paused}")
    world.item("en", "fr", "es")
    first = world.plan("daily")
    assert set(world.mails(first)) == set(people) - {erased, paused}
    with world.app.store.read() as tx:
        rows = tx.connection.exec_driver_sql("SELECT subscriber_id, mark FROM marks").all()
    assert {id for id, mark in rows if mark} == set(people) - {erased, paused}
