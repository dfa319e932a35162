"""The ledger ages out: rows of mailings that ended long ago go in slices, their numbers stay. On both stores."""

from __future__ import annotations

from datetime import timedelta

import pytest
import structlog

import scheduler
from tests.planned import add_item, plan
from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.domain.errors import Conflict
from tribune.domain.mailings import DeliveryState as S
from tribune.domain.mailings import MailingState
from tribune.domain.sending import Marks, Verdict
from tribune.ports.clock import StoppedClock
from tribune.services.sending.age_out import Aged, age_slice
from tribune.services.sending.cancel_mailing import cancel_mailing, close_slice
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.retry_mailing import retry_mailing

pytestmark = pytest.mark.both_stores
OF_MAILINGS = ("deliveries", "delivery_blocks", "delivery_exceptions", "at_once_served", "signatures", "chunks")


def rows_left(app: Application, mailing: int) -> dict[str, int]:
    """Table -> rows of a mailing, for tables that have some."""
    with app.store.read() as tx:
        counts = {
            table: int(
                tx.connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE mailing_id = {mailing}").scalar_one()
            )
            for table in OF_MAILINGS
        }
    return {table: number for table, number in counts.items() if number}


def send(app: Application, mailing: int, sizes: list[int]) -> None:
    """All of it at once; the first of each chunk fails for good."""
    now = app.clock.now()
    with app.store.write() as tx:
        for chunk, size in enumerate(sizes):
            claim = tx.ledger.claim(mailing, chunk, "sender", now, timedelta(minutes=2))
            assert claim is not None
            tx.ledger.settle(claim, Marks(size, size, size, 0), [Verdict(0, S.FAILED, "550 5.1.1")], now)
        assert tx.ledger.finish(mailing, now)


def test_rows_go_in_slices_and_the_numbers_stay(app: Application, clock: StoppedClock) -> None:
    sizes = [40, 30, 20]
    mailing = plan(app.store, sizes, state=MailingState.RUNNING, locales=("en", "fr"))
    with app.store.write() as tx:
        tx.planning.add_served_at_once(mailing, [(person, 3) for person in range(1, 91)])
    send(app, mailing, sizes)
    with app.store.read() as tx:
        before = mailing_progress(tx, mailing)
    assert before.languages == {"en": {S.SENT: 58, S.FAILED: 2}, "fr": {S.SENT: 29, S.FAILED: 1}}
    assert set(rows_left(app, mailing)) == set(OF_MAILINGS)
    clock.move(timedelta(days=400))
    done: list[Aged] = []
    while True:
        with app.store.write() as tx:
            slice_ = age_slice(tx, clock.now() - timedelta(days=399), clock.now(), rows=25)
        if slice_ is None:
            break
        done.append(slice_)
        with app.store.read() as tx:
            assert mailing_progress(tx, mailing).states == before.states
    assert rows_left(app, mailing) == {}
    assert [one.ended for one in done] == [False] * (len(done) - 1) + [True]
    assert len(done) > 5
    assert max(one.rows for one in done) <= 25 + 40  # a chunk is not cut in two
    with app.store.read() as tx:
        after = mailing_progress(tx, mailing)
        assert (after.languages, after.total, after.chunks) == (before.languages, 90, ())
        assert after.mailing.aged_at == clock.now()
        assert tx.ledger.deliveries(mailing) == tx.ledger.deliveries_to(1) == []
        assert tx.ledger.chunk_progress(mailing, 0) == {}


def test_only_what_ended_long_enough_ago_goes(app: Application, clock: StoppedClock) -> None:
    """The scheduler's own step, with the default of [ledger] keep_days."""
    old, open_, paused, young = (
        plan(app.store, [2], state=MailingState.RUNNING, occasion=f"2026-11-2{day}") for day in range(4)
    )
    send(app, old, [2])
    with app.store.write() as tx:
        tx.ledger.move(paused, MailingState.PAUSED, clock.now())
    clock.move(timedelta(days=399))
    send(app, young, [2])
    assert scheduler.ageing(app) == 0
    clock.move(timedelta(days=1, seconds=1))
    assert scheduler.ageing(app) > 0
    assert rows_left(app, old) == {}
    assert all(rows_left(app, mailing)["deliveries"] == 2 for mailing in (open_, paused, young))
    assert scheduler.ageing(app) == 0


def test_what_nobody_decided_about_has_failed_when_it_ages(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [10], state=MailingState.RUNNING)
    with app.store.write() as tx:
        claim = tx.ledger.claim(mailing, 0, "sender", clock.now(), timedelta(minutes=2))
        assert claim is not None
        tx.ledger.settle(claim, Marks(10, 10, 10, 0), [Verdict(0, S.QUARANTINED, "no answer", 1, 1)], clock.now())
        assert tx.ledger.finish(mailing, clock.now())
        assert tx.attention.count_held_back() == 1
    clock.move(timedelta(days=401))
    with structlog.testing.capture_logs() as logged:
        assert scheduler.ageing(app) > 0
    assert [(line["mailing"], line["mails"]) for line in logged if "held back" in line["event"]] == [(mailing, 1)]
    with app.store.read() as tx:
        assert mailing_progress(tx, mailing).states == {S.SENT: 9, S.FAILED: 1}
        assert tx.attention.count_held_back() == 0


def test_a_cancelled_mailing_ages_once_all_of_it_was_carried_over(app: Application, clock: StoppedClock) -> None:
    with app.store.write() as tx:
        item = add_item(tx)
    mailing = plan(app.store, [3], state=MailingState.RUNNING, with_people=True, items=(item,))
    with app.store.write() as tx:
        assert tx.ledger.claim(mailing, 0, "busy", clock.now(), timedelta(days=500))
        cancel_mailing(tx, mailing, clock.now())
    clock.move(timedelta(days=401))
    assert scheduler.ageing(app) == 0, "a sender has its chunk"
    clock.move(timedelta(days=100))
    with app.store.write() as tx:
        close_slice(tx, mailing, clock.now())
    clock.move(timedelta(days=401))
    assert scheduler.ageing(app) > 0
    with app.store.read() as tx:
        assert mailing_progress(tx, mailing).states == {S.CANCELLED: 3}
    assert rows_left(app, mailing) == {}


def test_a_mailing_without_mails_ends_quietly(app: Application, clock: StoppedClock) -> None:
    world = World(app)
    world.person("daily")
    empty = world.plan("daily").mailing
    assert empty is not None
    clock.move(timedelta(days=402))
    assert scheduler.ageing(app) == 0
    with app.store.read() as tx:
        told = mailing_progress(tx, empty)
    assert told.mailing.aged_at == clock.now()
    assert told.states == {}


def test_what_waits_on_the_log_for_a_chunk_that_is_gone_does_nothing(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [2], state=MailingState.RUNNING)
    send(app, mailing, [2])
    clock.move(timedelta(days=401))
    scheduler.ageing(app)
    with app.store.write() as tx:
        assert tx.ledger.claim(mailing, 0, "late", clock.now(), timedelta(minutes=2)) is None
        assert tx.ledger.wake(clock.now()) == []
        assert tx.ledger.retry_now(mailing, [S.FAILED], clock.now()) == {S.FAILED: 0}
        with pytest.raises(Conflict, match="has aged out"):
            retry_mailing(tx, mailing, clock.now())


def test_people_are_served_on_when_their_past_has_gone(app: Application, clock: StoppedClock) -> None:
    world = World(app)
    person = world.person("daily")
    world.item("en")
    first = world.plan("daily")
    assert first.mailing
    with app.store.write() as tx:
        tx.ledger.start(first.mailing, clock.now())
    send(app, first.mailing, [1])
    clock.move(timedelta(days=401))
    assert scheduler.ageing(app) > 0
    later = world.item("en")
    assert world.got(world.plan("daily", START + timedelta(days=401)), person) == [(later, "en")]
