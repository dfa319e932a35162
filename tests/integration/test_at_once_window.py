"""At once waits ten minutes from the first release, and joins what comes meanwhile (decisions.md, 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from consumers.digests import consumer
from tests.outbox_log import told
from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence
from tribune.domain.digests import Digest
from tribune.domain.events import MAILINGS, ItemReleased
from tribune.domain.items import ItemRecord, LanguageVersion, Withdrawal
from tribune.domain.schedule import Timing
from tribune.ports.clock import StoppedClock
from tribune.ports.schedules import NEVER
from tribune.services.catalogue.catalogue_item import catalogue_record, withdraw_record
from tribune.services.events.event_codec import new_event
from tribune.services.planning.tick import claim_due
from tribune.store.tables import rhythms

pytestmark = pytest.mark.both_stores

WAIT = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def somebody_at_once(app: Application) -> None:
    with app.store.write() as tx:
        add_people(tx, 2)
        tx.connection.execute(update(rhythms).where(rhythms.c.subscriber_id == 1).values(cadence="at_once"))


def item(app: Application, record: str, kind: str = "report") -> int:
    told = ItemRecord(record=record, kind=kind, source_language="en", versions=(LanguageVersion("en", record),))
    event = new_event("publication.published", told, source="/test", key=record, time=app.clock.now())
    with app.store.write() as tx:
        settled = catalogue_record(tx, event, app.codelists, app.clock.now())
    assert settled.item_id is not None
    return settled.item_id


def release(app: Application, id: int, at: datetime | None = None) -> None:
    """The event comes to the consumer group now; it happened `at`."""
    data = ItemReleased(item=id, language="en", sequence=1)
    event = new_event("item.released", data, source="/tribune/catalogue", key=str(id), time=at or app.clock.now())
    handler = consumer(app).handlers["item.released"]
    with app.store.write() as tx:
        assert callable(handler)
        handler(tx, event)


def fired(app: Application, digests: Sequence[str] = ("letter",)) -> list[datetime]:
    with app.store.write() as tx:
        done = claim_due(tx, digests, app.clock.now(), timedelta(hours=12))
    assert all(edition.cadence is Cadence.AT_ONCE and edition.cohorts == () for edition in done.fired)
    assert all(edition.occasion == edition.due_at.isoformat() for edition in done.fired)
    return [edition.due_at for edition in done.fired]


def test_what_comes_within_ten_minutes_joins(app: Application, clock: StoppedClock) -> None:
    first = clock.now()
    release(app, item(app, "one"))
    clock.move(6 * MINUTE)
    release(app, item(app, "two"))
    clock.move(3 * MINUTE)
    assert fired(app) == []
    clock.move(MINUTE)
    assert fired(app) == [first + WAIT]
    clock.move(MINUTE)
    assert fired(app) == []
    release(app, item(app, "three"))
    clock.move(WAIT)
    assert fired(app) == [first + 21 * MINUTE]


def test_the_wait_counts_from_the_release_however_long_the_event_was_on_its_way(
    app: Application, clock: StoppedClock
) -> None:
    at = clock.now()
    clock.move(timedelta(hours=1))
    release(app, item(app, "one"), at)
    assert fired(app) == [at + WAIT]


def test_releases_of_one_instant_that_are_handled_apart_have_two_occasions(
    app: Application, clock: StoppedClock
) -> None:
    at = clock.now()
    instants = []
    for record in ("one", "two", "three"):
        clock.move(timedelta(hours=1))
        release(app, item(app, record), at)
        instants += fired(app)
    assert len(set(instants)) == 3


def test_a_clock_set_back_does_not_hold_it_up(app: Application, clock: StoppedClock) -> None:
    release(app, item(app, "one"))
    clock.move(WAIT)
    assert len(fired(app)) == 1
    clock.move(-timedelta(days=1))
    release(app, item(app, "two"))
    clock.move(WAIT)
    assert len(fired(app)) == 1


def test_nobody_at_once_opens_no_window(app: Application, clock: StoppedClock) -> None:
    with app.store.write() as tx:
        tx.connection.execute(update(rhythms).values(cadence="daily").where(rhythms.c.subscriber_id == 1))
    release(app, item(app, "one"))
    clock.move(WAIT)
    assert fired(app) == []


def test_only_the_kinds_of_the_digest_open_it(app: Application, clock: StoppedClock) -> None:
    app.__dict__["digests"] = {"letter": Digest("letter", {"en": "x"}, "x@observatory.example", kinds=("session",))}
    release(app, item(app, "one"))
    clock.move(WAIT)
    assert fired(app) == []
    release(app, item(app, "two", kind="session"))
    clock.move(WAIT)
    assert len(fired(app)) == 1


def test_a_withdrawn_item_opens_nothing(app: Application, clock: StoppedClock) -> None:
    id = item(app, "one")
    event = new_event(
        "publication.withdrawn",
        Withdrawal("one"),
        source="/test",
        key="one",
        time=clock.now() + MINUTE,
        revision=2,
    )
    with app.store.write() as tx:
        withdraw_record(tx, event, clock.now())
    release(app, id)
    release(app, 4711)
    clock.move(WAIT)
    assert fired(app) == []


def test_the_window_is_not_a_cohort_that_can_be_deserted(app: Application, clock: StoppedClock) -> None:
    now = clock.now()
    with app.store.write() as tx:
        assert tx.schedules.next_due_at() is None
    release(app, item(app, "one"))
    with app.store.write() as tx:
        tx.schedules.ensure_cohorts("letter", [Timing(Cadence.DAILY, 0, 6, "Africa/Dakar")], now)
        tx.schedules.ensure_cohorts("letter", [Timing(Cadence.DAILY, 0, 7, "Africa/Dakar")], now)
        tx.schedules.ensure_cohorts("letter", [Timing(Cadence.WEEKLY, 0, 6, "Africa/Dakar")], now)
        assert tx.schedules.forget_deserted() == 2
        found = tx.schedules.upcoming(10)
    assert [(u.row.cadence.value, u.row.due_at, u.people) for u in found] == [
        ("at_once", now + WAIT, 1),
        ("daily", datetime(2026, 11, 24, 6, 0, tzinfo=UTC), 1),
    ]


def test_events_of_the_catalogue_are_what_the_group_reads(app: Application) -> None:
    group = consumer(app)
    assert (group.group, group.topics, group.projection) == ("digests", ("catalogue",), False)


def test_where_nothing_waits_the_release_itself_fires_the_edition(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "rules", replace(app.rules, at_once_wait=timedelta()))
    release(app, item(app, "one"))
    with app.store.write() as tx:
        row = tx.schedules.at_once("letter")
    assert row is not None
    assert row.due_at == NEVER
    assert [event["data"]["digest"] for event in told(app, MAILINGS)] == ["letter"]
    assert fired(app) == []  # the tick finds nothing left to do
