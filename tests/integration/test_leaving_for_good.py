"""Who has unsubscribed from everything is erased when their time is up, and no import brings them back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduler import retention
from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.domain.audience import Status
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource
from tribune.domain.sign_up import Asking, Wanted
from tribune.ports.clock import StoppedClock
from tribune.ports.data_requests import RequestKind
from tribune.services.audience.carry_out_retention import BY_TIME, YEAR, erase_left
from tribune.services.audience.unsubscribe import unsubscribe

pytestmark = pytest.mark.both_stores


@pytest.fixture
def people(app: Application) -> Application:
    """Three subscribers; the first two have left, the second of them a year later."""
    with app.store.write() as tx:
        add_people(tx, 3)
        agreed = [ConsentRecord(n, ConsentAct.CONFIRMED, app.clock.now(), ConsentSource.FORM, {}) for n in (1, 2, 3)]
        tx.consents.add(agreed)
        unsubscribe(tx, 1, None, app.clock.now())
        unsubscribe(tx, 2, None, app.clock.now() + YEAR)
    return app


def there(app: Application) -> list[int]:
    with app.store.read() as tx:
        return [n for n in (1, 2, 3) if tx.audience.one(n)]


def test_they_go_one_by_one_when_their_time_is_up_with_all_that_there_is_about_them(
    people: Application, clock: StoppedClock
) -> None:
    clock.move(3 * YEAR)
    assert retention(people) == 0, "to the day"
    clock.move(timedelta(seconds=1))
    assert retention(people) == 1
    assert there(people) == [2, 3]
    with people.store.read() as tx:
        assert tx.consents.of(1) == []
        assert tx.audience.suppressed(["reader1@example.org"]) == {"reader1@example.org": "erased"}
        [request] = tx.data_requests.recent(kinds=[RequestKind.ERASE])
        assert (request.subscriber, request.by) == (1, BY_TIME)
    clock.move(YEAR)
    assert retention(people) == 1
    assert there(people) == [3], "who reads us stays"


def test_who_asks_to_come_back_stays_until_that_is_settled(people: Application, clock: StoppedClock) -> None:
    with people.store.write() as tx:
        at = clock.now() + 5 * YEAR
        asking = Asking("reader1@example.org", Wanted(("en",), "Africa/Dakar", (), ()), "en-1", "")
        tx.sign_ups.add([(1, asking)], at)
        assert tx.audience.left_before(at, 9) == [2]


def test_many_go_a_slice_at_a_time(people: Application, clock: StoppedClock) -> None:
    later = clock.now() + 5 * YEAR
    for expected in (1, 1, 0):
        with people.store.write() as tx:
            assert erase_left(tx, later, later, most=1) == expected
    assert there(people) == [3]


def test_a_pause_is_not_a_leaving(people: Application, clock: StoppedClock) -> None:
    with people.store.read() as tx:
        assert tx.audience.left_before(clock.now() + 9 * YEAR, 9) == [1, 2]
        person = tx.audience.one(3)
    assert person is not None
    assert person.status is Status.ACTIVE
