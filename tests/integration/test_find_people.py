"""Staff look for people: each way goes on where it stopped, on both stores, and nobody is told twice."""

from __future__ import annotations

import pytest

from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.domain.audience import Subscriber
from tribune.services.people.find_people import MOST, find_people

pytestmark = pytest.mark.both_stores

NUMBER = MOST + 30


@pytest.fixture
def ids(app: Application) -> list[int]:
    """Many, numbered in another order than that of their addresses."""
    World(app)
    people = [
        Subscriber(0, f"{(n * 37) % NUMBER:03}.many@example.org", f"Ana Many{n}", "other", ("en",), "UTC")
        for n in range(NUMBER)
    ]
    with app.store.write() as tx:
        other = Subscriber(0, "else@example.org", "Else", "other", ("en",), "UTC")
        return list(tx.audience.add([*people, other], lambda _: (), START))


@pytest.mark.parametrize(
    ("wanted", "number"),
    [("", NUMBER + 1), ("many", NUMBER), ("ana many", NUMBER), ("00.many", 0), ("000.", 1), ("00", 10), ("zz@", 0)],
)
def test_the_next_ones_begin_where_the_last_stopped(app: Application, ids: list[int], wanted: str, number: int) -> None:
    told: list[int] = []
    after = ""
    with app.store.read() as tx:
        for _ in range(5):
            found = find_people(tx, wanted, after)
            assert len(found.people) <= MOST
            told += [one.id for one in found.people]
            if not (after := found.after):
                break
    assert after == ""
    assert len(told) == len(set(told)) == number
    assert set(told) <= set(ids)


def test_addresses_come_in_their_order_and_the_newest_first(app: Application, ids: list[int]) -> None:
    with app.store.read() as tx:
        by_address = [one.address for one in find_people(tx, "0").people]
        newest = [one.id for one in find_people(tx, "").people]
    assert by_address == sorted(by_address)
    assert newest == sorted(ids, reverse=True)[:MOST]


@pytest.mark.parametrize("after", ["", "x", "a:", "a:x", "n:99999999999", "a:-1", "new:0", "'; DROP TABLE people --"])
def test_what_is_no_place_begins_anew(app: Application, ids: list[int], after: str) -> None:
    with app.store.read() as tx:
        assert find_people(tx, "many", after).people == find_people(tx, "many").people
