"""What needs a person, over all mailings, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, update

from tests.planned import DUE, plan
from tribune.bootstrap import Application
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.store.tables import chunks, delivery_exceptions, mailings, throttles

pytestmark = pytest.mark.both_stores

HELD, RETRY, DOUBT, FAILED = (
    DeliveryState.QUARANTINED.value,
    DeliveryState.RETRY.value,
    DeliveryState.IN_DOUBT.value,
    DeliveryState.FAILED.value,
)


def set_marks(app: Application, mailing: int, sent: int, doubt: int, state: str = "ready") -> None:
    with app.store.write() as tx:
        here = update(chunks).where(chunks.c.mailing_id == mailing)
        tx.connection.execute(here.values(sent_upto=sent, doubt_upto=doubt, state=state))


def except_(app: Application, mailing: int, *states: tuple[str, int]) -> None:
    """The first deliveries are in these states, after so many handovers of which nobody learnt anything."""
    facts: dict[str, Any] = {"mailing_id": mailing, "chunk": 0, "changed_at": DUE}
    with app.store.write() as tx:
        tx.connection.execute(
            insert(delivery_exceptions),
            [facts | {"place": n, "state": state, "handovers": often} for n, (state, often) in enumerate(states)],
        )


def mailing_is(app: Application, mailing: int, **facts: object) -> None:
    with app.store.write() as tx:
        tx.connection.execute(update(mailings).where(mailings.c.id == mailing).values(**facts))


def test_held_back_are_the_quarantined_and_the_doubt_of_the_cancelled(app: Application) -> None:
    going = plan(app.store, [4], occasion="2026-11-21")
    set_marks(app, going, 4, 4, "done")
    except_(app, going, (HELD, 0), (RETRY, 1), (DOUBT, 1), (FAILED, 0))
    gone = plan(app.store, [9], occasion="2026-11-22")
    set_marks(app, gone, 6, 8)
    except_(app, gone, (HELD, 0), (HELD, 1), (RETRY, 0), (RETRY, 1), (DOUBT, 1), (FAILED, 0))
    mailing_is(app, gone, state=MailingState.CANCELLED.value)
    with app.store.read() as tx:
        found = tx.attention.held_back(limit=100)
        assert [(view.mailing, view.place, view.state.value) for view in found] == [
            (gone, 1, HELD),
            (gone, 3, DOUBT),
            (gone, 4, DOUBT),
            (gone, 6, DOUBT),
            (gone, 7, DOUBT),
            (going, 0, HELD),
        ]
        assert tx.attention.held_back(limit=3) == found[:3]
        assert tx.attention.held_back(going, limit=100) == found[5:]
        for mailing, number in ((None, 6), (gone, 5), (going, 1)):
            assert tx.attention.count_held_back(mailing) == number
        assert tx.attention.to_be_decided() == 1, "nothing of a cancelled mailing can be sent any more"
        for mailing in (going, gone):  # one mailing's states say the same
            counted = tx.ledger.deliveries(mailing, states=[DeliveryState.QUARANTINED, DeliveryState.IN_DOUBT])
            listed = {view.place for view in found if view.mailing == mailing}
            assert listed == {view.place for view in counted} - ({2} if mailing == going else set())


def test_what_is_held_back_is_counted_by_an_index_of_its_own(app: Application) -> None:
    with app.store.read() as tx:
        if tx.connection.dialect.name == "sqlite":
            explain = "EXPLAIN QUERY PLAN "
        else:
            explain = "EXPLAIN "
            tx.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        said: list[tuple[str, Any]] = []

        def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            said.append((statement, parameters))

        event.listen(tx.connection, "before_cursor_execute", note)
        tx.attention.to_be_decided()
        tx.attention.held_back(limit=10)
        event.remove(tx.connection, "before_cursor_execute", note)
        assert len(said) == 2
        for statement, parameters in said:
            rows = tx.connection.exec_driver_sql(explain + statement, parameters).all()
            assert "ix_delivery_exceptions_held_back" in " ".join(str(row) for row in rows)


def test_the_oldest_unsent_mailing_is_told_without_its_pauses_and_later_attempts(app: Application) -> None:
    now = DUE + timedelta(hours=2)

    def longest() -> float:
        with app.store.read() as tx:
            return tx.attention.longest_unsent(now)

    assert longest() == 0
    begun = plan(app.store, [2], occasion="2026-11-21")
    mailing_is(app, begun, state="running", started_at=now - timedelta(minutes=30), rested_seconds=600)
    assert longest() == 20 * 60
    untouched = plan(app.store, [2], occasion="2026-11-22")
    assert longest() == 2 * 3600, "approved, due, and no sender has come"
    for state in (MailingState.PAUSED, MailingState.PLANNED, MailingState.CANCELLED, MailingState.FINISHED):
        mailing_is(app, untouched, state=state.value)
        assert longest() == 20 * 60, state
    set_marks(app, begun, 2, 2, "done")
    except_(app, begun, (RETRY, 0))
    assert longest() == 0, "its first attempts are done"
    mailing_is(app, untouched, state=MailingState.APPROVED.value, due_at=now + timedelta(days=1))
    assert longest() == 0, "its time has not come"


def test_a_rest_is_told_until_it_ends(app: Application) -> None:
    plan(app.store, [1, 1, 1], groups=["google", "google", "other"])
    soon, later = DUE + timedelta(minutes=1), DUE + timedelta(minutes=5)
    with app.store.write() as tx:
        row = {"channel": "email", "next_at": DUE}
        tx.connection.execute(insert(throttles).values(domain_group="google", rest_until=later, **row))
        tx.connection.execute(insert(throttles).values(domain_group="yahoo", rest_until=DUE, **row))
        tx.connection.execute(insert(throttles).values(domain_group="", **row))
        for chunk, until in ((0, soon), (1, later), (2, DUE)):
            tx.connection.execute(update(chunks).where(chunks.c.chunk == chunk).values(not_before=until))
    with app.store.read() as tx:
        (rest,) = tx.attention.resting_channels(DUE)
        assert (rest.where, rest.domain_group, rest.until) == ("email", "google", later)
        (rest,) = tx.attention.resting_lanes(DUE)
        assert (rest.where, rest.domain_group, rest.until) == ("mailing", "google", later)
        assert tx.attention.resting_channels(later) == tx.attention.resting_lanes(later) == []
