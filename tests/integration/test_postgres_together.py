"""Several at once on PostgreSQL, where nothing but our own locks keeps them apart. On SQLite a write has the store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tests import outbox_log
from tests.catalogue_house import FEED, House, record
from tests.planned import add_item, plan
from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Rhythm, Subscriber, Subscription
from tribune.domain.items import ItemRecord, LanguageVersion
from tribune.domain.mailings import MailingState
from tribune.domain.schedule import Timing
from tribune.domain.sending import Marks, RetryClaim
from tribune.ports.clock import StoppedClock
from tribune.services.audience.change_subscribers import change_subscribers
from tribune.services.audience.refresh_masks import masker, refresh_masks
from tribune.services.planning.tick import claim_due
from tribune.services.sending.age_out import age_slice
from tribune.services.sending.cancel_mailing import Closed, cancel_mailing, close_slice
from tribune.services.sources.publish_records import publish_records
from tribune.store.engine import SqlTransaction
from tribune.store.tables import carry_overs, chunks, delivery_exceptions

pytestmark = pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
LEASE = timedelta(minutes=2)
WAITS = 0.3


def meanwhile(app: Application, first: Callable[[SqlTransaction], Any], then: Callable[[], Any]) -> tuple[Any, Any]:
    """Do `first`, and before it is committed begin `then`, which has to wait for the commit; what both gave."""
    with ThreadPoolExecutor(1) as pool:
        with app.store.write() as tx:
            one = first(tx)
            other: Future[Any] = pool.submit(then)
            with pytest.raises(TimeoutError):
                other.result(WAITS)
        return one, other.result(30)


def in_write(app: Application, work: Callable[[SqlTransaction], Any]) -> Callable[[], Any]:
    def run() -> Any:
        with app.store.write() as tx:
            return work(tx)

    return run


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """All of these, begun in the same moment; what each gave."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        gate.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(60) for future in [pool.submit(run, work) for work in works]]


def test_two_records_of_one_work_are_one_item(app: Application) -> None:
    house = House(app)
    told = [record(name, "en", "10.5555/same") for name in "abcdef"]
    settled = at_once(*(lambda one=one: house.tell(f"/sources/{one.record}", one) for one in told))
    assert len({house.item(one.item_id).id for one in settled if one.item_id}) == 1
    assert len(house.released()) == 1


def test_an_edition_that_two_plan_is_planned_once(app: Application) -> None:
    world = World(app)
    people = {world.person("daily") for _ in range(20)}
    world.item("en")
    plans = at_once(*(lambda: world.plan("daily") for _ in range(4)))
    made = [one for one in plans if one.mailing is not None]
    assert len(made) == 1
    assert set(world.mails(made[0])) == people
    assert [told["type"] for told in outbox_log.told(app)].count("mailing.planned") == 1


def test_a_change_of_choice_waits_for_a_plan_and_repeats_nothing(app: Application) -> None:
    world = World(app)
    world.person("daily")
    id = world.person(("daily", Choice()))
    item = world.item("en", areas=("wages",))
    with app.store.read() as tx:
        person = tx.audience.one(id)
    assert person is not None
    weekly = replace(
        person,
        subscriptions=(Subscription("letter", Cadence.WEEKLY, Choice(policy_areas=frozenset({"wages"}))),),
        rhythms=(Rhythm("letter", Cadence.WEEKLY, 0, 8, 0),),
    )

    def planned(tx: SqlTransaction) -> Any:
        from tribune.domain.events import CloudEvent
        from tribune.services.planning.plan_edition import plan_edition

        due = world.due("daily", START, zones=("Africa/Dakar",), digest="letter")
        event = CloudEvent("due", "/test", "edition.due", START, "k", {})
        return plan_edition(tx, due, event, app.digests, app.codelists, app.rules, START)

    def change(tx: SqlTransaction) -> None:
        change_subscribers(tx, [(person, weekly)], app.digests, app.codelists, START)

    daily, _ = meanwhile(app, planned, in_write(app, change))
    assert world.got(daily, id) == [(item, "en")]
    with app.store.read() as tx:
        assert tx.audience.carried([id], "letter") == []


def test_what_is_released_while_a_plan_is_made_is_for_the_next_one(app: Application) -> None:
    """Between the plan's question for the last number and its question for the items another item is released."""
    world = World(app)
    id = world.person("daily")
    first = world.item("en")
    later: list[int] = []

    catalogue = SqlTransaction.catalogue.func  # type: ignore[attr-defined]

    def told(tx: SqlTransaction) -> Any:
        area = catalogue(tx)
        known = area.last_sequence

        def last_sequence() -> int:
            number = known()
            if not later:
                later.append(0)
                later[0] = in_write(app, lambda _: world.item("en"))()
            return int(number)

        area.last_sequence = last_sequence
        return area

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlTransaction, "catalogue", property(told))
        today = world.plan("daily")
    tomorrow = world.plan("daily", START + timedelta(days=1))
    assert world.got(today, id) == [(first, "en")]
    assert world.got(tomorrow, id) == [(later[0], "en")]


def subscriber(name: str) -> Subscriber:
    return Subscriber(
        id=0,
        address=f"{name}@example.org",
        name=name,
        group="government",
        languages=("en",),
        zone="Africa/Dakar",
        subscriptions=(Subscription("letter", Cadence.DAILY, Choice()),),
        rhythms=(Rhythm("letter", Cadence.DAILY, 0, 8, 0),),
    )


def test_numbers_of_people_are_given_once(app: Application) -> None:
    refresh_masks(app.store, app.codelists)

    def add(name: str) -> Callable[[SqlTransaction], list[int]]:
        new = [subscriber(f"{name}{n}") for n in range(50)]
        return lambda tx: tx.audience.add(new, masker(tx, app.codelists), START)

    given = at_once(*(in_write(app, add(name)) for name in "abcd"))
    assert sorted(id for ids in given for id in ids) == list(range(1, 201))


def test_cohorts_that_two_make_are_there_once(app: Application, clock: StoppedClock) -> None:
    def make(tx: SqlTransaction) -> None:
        for hour in range(24):
            tx.schedules.ensure_cohorts("letter", [Timing(Cadence.DAILY, 0, hour, "Africa/Dakar")], clock.now())

    at_once(*(in_write(app, make) for _ in range(4)))
    clock.move(timedelta(days=1))
    with app.store.read() as tx:
        assert tx.schedules.anything_to_do(clock.now(), "")
    fired = at_once(
        *(in_write(app, lambda tx: claim_due(tx, {"letter"}, clock.now(), timedelta(hours=48))) for _ in range(4))
    )
    assert len([done for done in fired if done.fired]) == 1
    ids = [told["id"] for told in outbox_log.told(app, "mailings")]
    assert len(ids) == len(set(ids)) == 24


def test_a_window_at_once_is_opened_once(app: Application, clock: StoppedClock) -> None:
    from tribune.services.planning.wait_for_at_once import open_window

    due = clock.now() + timedelta(minutes=10)
    opened = at_once(*(in_write(app, lambda tx: open_window(tx, "letter", due, due)) for _ in range(4)))
    assert sorted(opened) == [False, False, False, True]


def test_revisions_of_a_source_are_counted_by_one(app: Application) -> None:
    def publish(title: str) -> Callable[[SqlTransaction], Any]:
        said = ItemRecord("a", "report", "en", (LanguageVersion("en", title),))
        return lambda tx: publish_records(tx, FEED, [said], app.clock.now())

    told = at_once(*(in_write(app, publish(title)) for title in "ABCD"))
    assert sorted(event.revision for events in told for event in events) == [1, 2, 3, 4]


def test_an_event_that_two_members_have_is_handled_once(app: Application, clock: StoppedClock) -> None:
    handled = []

    def handle(tx: SqlTransaction) -> None:
        if not tx.inbox.seen("group", "/source", "event"):
            handled.append(threading.get_ident())
            tx.inbox.remember("group", "/source", "event", clock.now())

    meanwhile(app, handle, in_write(app, handle))
    assert len(handled) == 1


def test_the_last_two_chunks_settled_at_once_finish_the_mailing(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [1, 1], state=MailingState.RUNNING)

    def settle(chunk: int) -> Callable[[SqlTransaction], bool]:
        def work(tx: SqlTransaction) -> bool:
            claim = tx.ledger.claim(mailing, chunk, "sender", clock.now(), LEASE)
            assert claim is not None
            tx.ledger.settle(claim, Marks(1, 1, 1, 0), [], clock.now())
            return tx.ledger.finish(mailing, clock.now())

        return work

    assert meanwhile(app, settle(0), in_write(app, settle(1))) == (False, True)


def test_a_chunk_that_one_scheduler_wakes_is_left_to_it(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [1, 1], state=MailingState.RUNNING)
    with app.store.write() as tx:
        assert tx.ledger.claim(mailing, 0, "dead", clock.now(), LEASE)
    clock.move(LEASE * 2)
    with app.store.write() as tx:
        assert tx.ledger.wake(clock.now()) == [(mailing, 0)]
        with app.store.write() as other:
            assert other.ledger.wake(clock.now()) == []


def test_two_schedulers_wake_different_chunks(app: Application, clock: StoppedClock) -> None:
    """SKIP LOCKED: what one has taken and not committed, the other passes over instead of waiting for it."""
    mailing = plan(app.store, [1] * 40, state=MailingState.RUNNING)
    for chunk in range(40):
        with app.store.write() as tx:
            assert tx.ledger.claim(mailing, chunk, "dead", clock.now(), LEASE)
    clock.move(LEASE * 2)
    with app.store.write() as one, app.store.write() as two:
        first = one.ledger.wake(clock.now(), 15)
        second = two.ledger.wake(clock.now(), 15)
        assert (len(first), len(second)) == (15, 15)
        assert not set(first) & set(second)
    taken = at_once(*(in_write(app, lambda tx: tx.ledger.wake(clock.now(), 4)) for _ in range(4)))
    rest = [chunk for chunks in taken for chunk in chunks]
    assert len(rest) == len(set(rest))
    assert not set(rest) & {*first, *second}


def test_a_chunk_that_many_claim_at_once_is_one_senders(app: Application, clock: StoppedClock) -> None:
    mailing = plan(app.store, [1] * 10, state=MailingState.RUNNING)

    def take(owner: str) -> Callable[[], list[int]]:
        def work() -> list[int]:
            mine = []
            for chunk in range(10):
                with app.store.write() as tx:
                    if tx.ledger.claim(mailing, chunk, owner, clock.now(), LEASE):
                        mine.append(chunk)
            return mine

        return work

    taken = at_once(*(take(owner) for owner in "abcd"))
    assert sorted(chunk for mine in taken for chunk in mine) == list(range(10))


def test_two_schedulers_age_different_mailings(app: Application, clock: StoppedClock) -> None:
    old = {plan(app.store, [3], state=MailingState.FINISHED, occasion=f"2026-11-2{day}") for day in range(2)}
    with app.store.write() as tx:
        tx.connection.exec_driver_sql("UPDATE mailings SET finished_at = due_at")
    later = clock.now() + timedelta(days=1)
    with app.store.write() as one, app.store.write() as two, app.store.write() as three:
        aged = [age_slice(tx, later, later) for tx in (one, two, three)]
    assert {slice_.mailing for slice_ in aged if slice_} == old
    assert aged[2] is None


def with_a_retry(app: Application, clock: StoppedClock) -> int:
    """A mailing of one chunk of one, whose first attempt certainly brought nothing; the next one is due."""
    with app.store.write() as tx:
        item = add_item(tx)
    mailing = plan(app.store, [1], with_people=True, items=(item,), state=MailingState.RUNNING)
    row = {"mailing_id": mailing, "chunk": 0, "place": 0, "state": "retry", "attempts": 1, "handovers": 0}
    with app.store.write() as tx:
        tx.connection.execute(update(chunks).values(sent_upto=1, doubt_upto=1, state="done"))
        tx.connection.execute(insert(delivery_exceptions).values(row | {"code": "450", "changed_at": clock.now()}))
    return mailing


def carried(app: Application) -> list[int]:
    with app.store.read() as tx:
        return list(tx.connection.scalars(select(carry_overs.c.subscriber_id)))


def test_a_retry_claimed_before_its_mailing_is_cancelled_is_not_carried_over(
    app: Application, clock: StoppedClock
) -> None:
    mailing = with_a_retry(app, clock)

    def claim(tx: SqlTransaction) -> list[RetryClaim]:
        return tx.ledger.claim_retries(mailing, 0, clock.now(), LEASE, 10)

    claims, (_, closed) = meanwhile(app, claim, in_write(app, lambda tx: cancel_mailing(tx, mailing, clock.now())))
    assert len(claims) == 1
    assert closed == Closed(chunks=0, people=0, left=1)
    with app.store.write() as tx:  # the mail left
        assert tx.ledger.settle_retry(mailing, 0, claims[0], None, clock.now())
        assert close_slice(tx, mailing, clock.now()) == Closed(chunks=1, people=0, left=0)
    assert carried(app) == []


def test_a_retry_of_a_mailing_that_is_being_cancelled_is_not_claimed(app: Application, clock: StoppedClock) -> None:
    mailing = with_a_retry(app, clock)
    (_, closed), claims = meanwhile(
        app,
        lambda tx: cancel_mailing(tx, mailing, clock.now()),
        in_write(app, lambda tx: tx.ledger.claim_retries(mailing, 0, clock.now(), LEASE, 10)),
    )
    assert closed == Closed(chunks=1, people=1, left=0)
    assert claims == []
    assert len(carried(app)) == 1
