"""What a sender reads of a window: who is in it, in which order, and what may stop a mail, on both stores."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, update

from tests.planned import DUE, plan
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Status
from tribune.domain.sending import Claim, Marks
from tribune.ports.audience import Recipient
from tribune.ports.ledger import Seat
from tribune.store.tables import marks, mask_columns, people, rhythms, subscribers, subscriptions

pytestmark = pytest.mark.both_stores


def _seats(app: Application, mailing: int, start: int, end: int) -> list[Seat]:
    claim = Claim(mailing, 0, 1, "mailing", "other", "en", Marks(20))
    with app.store.read() as tx:
        return tx.ledger.window(claim, start, end, "letter", Cadence.DAILY)


def _person(seats: list[Seat], number: int) -> Recipient:
    (found,) = [person for slot, person in seats if slot.subscriber == number]
    assert found is not None
    return found


def test_a_window_is_read_in_the_order_of_its_places(app: Application) -> None:
    mailing = plan(app.store, [20, 5], with_people=True)
    seats = _seats(app, mailing, 4, 9)
    assert [slot.place for slot, _ in seats] == [4, 5, 6, 7, 8]
    assert [person.address for _, person in seats if person] == [f"reader{n}@example.org" for n in range(5, 10)]
    assert all(person and person.may_be_mailed and len(person.choices) == 1 for _, person in seats)
    claim = Claim(mailing, 0, 1, "mailing", "other", "en", Marks(20))
    with app.store.read() as tx:
        single = tx.ledger.seats(claim.mailing, 0, [8, 4], "letter", Cadence.DAILY)
    assert single == [seats[0], seats[4]]


def test_a_person_with_two_wishes_sits_there_once_with_both(app: Application) -> None:
    mailing = plan(app.store, [20], with_people=True)
    with app.store.write() as tx:
        for digest, cadence in (("letter", "daily"), ("letter", "weekly"), ("other", "daily")):
            wish = {"subscriber_id": 3, "digest": digest, "cadence": cadence, "choice": {"kinds": ["report"]}}
            tx.connection.execute(insert(subscriptions), [wish | dict.fromkeys(mask_columns, 1)])
    seats = _seats(app, mailing, 0, 20)
    assert [slot.place for slot, _ in seats] == list(range(20))
    choices = _person(seats, 3).choices
    assert len(choices) == 2, "of this digest and rhythm alone"
    assert [sorted(choice.kinds) for choice in choices] == [[], ["report"]]


def test_what_may_stop_a_mail_is_read_with_it(app: Application) -> None:
    mailing = plan(app.store, [20], with_people=True)
    with app.store.write() as tx:
        tx.audience.suppress("Reader2@EXAMPLE.org", "complaint", DUE)
        tx.connection.execute(update(rhythms).where(rhythms.c.subscriber_id == 4).values(stopped_at=DUE))
        tx.connection.execute(update(subscribers).where(subscribers.c.id == 5).values(status="paused"))
        tx.connection.execute(delete(subscriptions).where(subscriptions.c.subscriber_id == 6))
        for table, key in (*((one, "subscriber_id") for one in (marks, rhythms, subscriptions)), (subscribers, "id")):
            tx.connection.execute(delete(table).where(table.c[key] == 7))
        tx.connection.execute(delete(people).where(people.c.id == 7))
    seats = _seats(app, mailing, 0, 20)
    assert len(seats) == 20
    assert _person(seats, 2).suppressed == "complaint" and not _person(seats, 2).may_be_mailed
    assert _person(seats, 4).stopped and not _person(seats, 4).may_be_mailed
    assert _person(seats, 5).status is not Status.ACTIVE and not _person(seats, 5).may_be_mailed
    assert _person(seats, 6).choices == () and _person(seats, 6).may_be_mailed
    assert [person for slot, person in seats if slot.subscriber == 7] == [None], "a person who is gone"
    assert _person(seats, 8).may_be_mailed
