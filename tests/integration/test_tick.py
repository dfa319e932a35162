"""A tick claims what is due, once, whatever the clock does (decisions.md, 12, 13, 21; threats.md, faults)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from tests import outbox_log
from tribune.bootstrap import Application
from tribune.config import Settings, Store
from tribune.domain import zones
from tribune.domain.audience import Cadence
from tribune.domain.events import EditionDue, topics
from tribune.domain.schedule import Timing, between, may_serve
from tribune.ports.clock import StoppedClock
from tribune.ports.log import TopicSpec
from tribune.services.events.event_data import data_of
from tribune.services.planning.tick import Ticked, claim_due, nothing_to_do
from tribune.store import tables

pytestmark = pytest.mark.both_stores

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
STALE = timedelta(hours=12)
DIGESTS = {"letter"}


def ensure(app: Application, *cohorts: tuple[Cadence, int, int, str], digest: str = "letter") -> None:
    with app.store.write() as tx:
        for cadence, weekday, hour, zone in cohorts:
            tx.schedules.ensure_cohorts(digest, [Timing(cadence, weekday, hour, zone)], app.clock.now())


def tick(app: Application) -> Ticked:
    with app.store.write() as tx:
        return claim_due(tx, DIGESTS, app.clock.now(), STALE)


def told(app: Application) -> list[EditionDue]:
    """The edition.due events on the log, in order of their time."""
    found = outbox_log.events(app, "mailings")
    assert len({event.id for event in found}) == len(found)
    assert all(event.correlation_id == event.id and event.source == "/tribune/scheduler" for event in found)
    return [data_of(event, EditionDue) for event in sorted(found, key=lambda event: event.time)]


def test_cohorts_of_one_instant_are_one_edition(app: Application, clock: StoppedClock) -> None:
    """Dakar, Abidjan and London read at eight o'clock in the same moment; Paris an hour earlier."""
    daily = Cadence.DAILY
    ensure(app, (daily, 0, 8, "Africa/Dakar"), (daily, 0, 8, "Europe/London"), (daily, 0, 8, "Europe/Paris"))
    ensure(app, (daily, 3, 8, "Africa/Dakar"))  # daily has no weekday: the same cohort
    clock.set(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    assert [len(edition.cohorts) for edition in tick(app).fired] == [1, 2]
    paris, others = told(app)
    assert [c.zone for c in paris.cohorts] == ["Europe/Paris"]
    assert paris.due_at == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    assert [(c.weekday, c.hour, c.zone) for c in others.cohorts] == [(0, 8, "Africa/Dakar"), (0, 8, "Europe/London")]
    assert (others.digest, others.cadence, others.occasion) == ("letter", "daily", "2026-11-23")
    assert others.due_at == clock.now()
    assert tick(app) == Ticked()


def test_nothing_is_due_before_its_instant(app: Application, clock: StoppedClock) -> None:
    ensure(app, (Cadence.WEEKLY, 0, 8, "Africa/Dakar"))
    clock.set(datetime(2026, 11, 23, 7, 59, 59, 999_999, tzinfo=UTC))
    with app.store.read() as tx:
        assert nothing_to_do(tx, clock.now())
    assert tick(app).fired == ()
    clock.move(timedelta(microseconds=1))
    with app.store.read() as tx:
        assert not nothing_to_do(tx, clock.now())
    assert [edition.occasion for edition in tick(app).fired] == ["2026-11-23"]
    clock.move(7 * DAY)
    assert [edition.occasion for edition in tick(app).fired] == ["2026-11-30"]


def test_a_cohort_made_after_its_hour_waits_for_the_next_one(app: Application, clock: StoppedClock) -> None:
    clock.set(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    ensure(app, (Cadence.DAILY, 0, 8, "Africa/Dakar"))
    assert tick(app).fired == ()
    clock.move(DAY)
    ensure(app, (Cadence.DAILY, 0, 8, "Africa/Dakar"))  # changes nothing, though the hour has passed again
    assert [edition.occasion for edition in tick(app).fired] == ["2026-11-24"]


def test_who_is_stored_late_for_an_instant_has_a_mailing_of_their_own(app: Application, clock: StoppedClock) -> None:
    """An import begins before eight and is stored after the tick of eight: its event must not look like a repeat."""
    ensure(app, (Cadence.DAILY, 0, 8, "Africa/Dakar"))
    clock.set(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    assert len(tick(app).fired) == 1
    for zone in ("Africa/Abidjan", "Africa/Accra"):
        began = datetime(2026, 11, 23, 7, 59, 55, tzinfo=UTC)
        with app.store.write() as tx:
            tx.schedules.ensure_cohorts("letter", [Timing(Cadence.DAILY, 0, 8, zone)], began)
        clock.move(timedelta(seconds=6))
        (late,) = tick(app).fired
        assert (late.occasion, [c.zone for c in late.cohorts]) == ("2026-11-23", [zone])
    editions = told(app)  # which also holds that their ids differ
    assert len({edition.due_at for edition in editions}) == 3
    clock.move(DAY)
    assert [len(edition.cohorts) for edition in tick(app).fired] == [3]


def test_a_clock_set_back_fires_nothing_again(app: Application, clock: StoppedClock) -> None:
    ensure(app, (Cadence.DAILY, 0, 8, "Africa/Dakar"))
    clock.set(datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC))
    assert len(tick(app).fired) == 1
    clock.move(-3 * HOUR)
    for _ in range(6):
        clock.move(HOUR)
        assert tick(app) == Ticked()


def test_after_days_down_each_cohort_is_served_once(app: Application, clock: StoppedClock) -> None:
    """The latest missed occasion is fired, late; the ones before are recorded as skipped. Never a flood."""
    ensure(app, (Cadence.DAILY, 0, 8, "Africa/Dakar"), (Cadence.WEEKLY, 1, 8, "Africa/Dakar"))
    clock.set(datetime(2026, 12, 3, 22, 0, tzinfo=UTC))
    done = tick(app)
    assert [(e.cadence.value, e.occasion, e.late) for e in done.fired] == [
        ("weekly", "2026-12-01", True),
        ("daily", "2026-12-03", True),
    ]
    assert [(s.row.cadence.value, s.occasions, s.first, s.last, s.reason) for s in done.skipped] == [
        ("daily", 10, "2026-11-23", "2026-12-02", "missed"),
        ("weekly", 1, "2026-11-24", "2026-11-24", "missed"),
    ]
    assert len(told(app)) == 2
    assert tick(app) == Ticked()
    clock.set(datetime(2026, 12, 4, 8, 0, tzinfo=UTC))
    assert [(e.occasion, e.late) for e in tick(app).fired] == [("2026-12-04", False)]


def test_a_digest_that_the_settings_dropped_is_not_fired(app: Application, clock: StoppedClock) -> None:
    ensure(app, (Cadence.DAILY, 0, 8, "Africa/Dakar"), digest="gone")
    clock.move(3 * DAY)
    done = tick(app)
    assert done.fired == ()
    assert [(s.occasions, s.first, s.last, s.reason) for s in done.skipped] == [
        (3, "2026-11-23", "2026-11-25", "unknown digest")
    ]
    assert tick(app) == Ticked()


def test_other_zone_rules_move_what_waits_and_nothing_that_is_settled(app: Application, clock: StoppedClock) -> None:
    ensure(app, (Cadence.DAILY, 0, 8, "Africa/Dakar"), (Cadence.WEEKLY, 0, 8, "Europe/Paris"))
    clock.set(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    assert len(tick(app).fired) == 2
    with app.store.write() as tx:  # as rules of a year ago had it: an hour later
        old = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
        tx.connection.execute(update(tables.schedules).values(tzdata="2025.1", next_due_at=old))
    clock.set(datetime(2026, 11, 24, 8, 30, tzinfo=UTC))
    with app.store.read() as tx:
        assert not nothing_to_do(tx, clock.now())
    done = tick(app)
    assert done.reckoned == 2
    assert [(e.cadence.value, e.due_at.hour) for e in done.fired] == [("daily", 8)]
    with app.store.read() as tx:
        rows = tx.connection.execute(select(tables.schedules).order_by(tables.schedules.c.id)).all()
        assert nothing_to_do(tx, clock.now())
    assert {row.tzdata for row in rows} == {zones.version()}
    assert rows[1].next_due_at == datetime(2026, 11, 30, 7, 0, tzinfo=UTC)


@contextmanager
def house(folder: Path, at: datetime) -> Iterator[tuple[Application, StoppedClock]]:
    from tribune.store.migrate import migrate

    clock = StoppedClock(at)
    folder.mkdir()
    store = Store(url=f"sqlite:///{folder / 'tribune.sqlite3'}")
    app = Application(Settings(data_dir=folder, store=store), clock)
    migrate(app.store.engine)
    app.log.create_topics(TopicSpec(name, partitions) for name, partitions in topics().items())
    yield app, clock
    app.close()


HOLES = st.lists(st.integers(-6, 24 * 9), min_size=1, max_size=12)
PLACES = st.sampled_from(
    ["Africa/Casablanca", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "America/Nuuk", "Europe/Paris"]
)


@settings(max_examples=25, deadline=None)
@given(PLACES, st.integers(0, 23), st.sampled_from([2011, 2018, 2026]), st.sampled_from([3, 10, 12]), HOLES)
def test_whatever_the_ticks_each_date_is_fired_once_or_recorded(
    tmp_path_factory: pytest.TempPathFactory, zone: str, hour: int, year: int, month: int, holes: list[int]
) -> None:
    """A scheduler that ticks, is down for days, and whose clock is set back by hours."""
    start = datetime(year, month, 20, 5, 0, tzinfo=UTC)
    timing = Timing(Cadence.DAILY, 0, hour, zone)
    with house(tmp_path_factory.mktemp("tick") / "var", start) as (app, clock):
        ensure(app, (Cadence.DAILY, 0, hour, zone))
        fired: list[date] = []
        skipped = 0
        latest = start
        for hours in holes:
            clock.move(hours * HOUR)
            latest = max(latest, clock.now())
            done = tick(app)
            assert len(done.fired) <= 1
            for edition in done.fired:
                occasion = date.fromisoformat(edition.occasion)
                assert may_serve(fired[-1] if fired else None, occasion)
                assert edition.due_at <= clock.now()
                fired.append(occasion)
            skipped += sum(gap.occasions for gap in done.skipped)
        expected = [
            o.occasion
            for o in between(timing, start.date() - DAY, latest.date() + 2 * DAY)
            if start < o.due_at <= latest
        ]
        assert set(fired) <= set(expected)
        assert len(fired) + skipped == len(expected)
        assert not expected or fired[-1] == expected[-1]
        assert Counter(e.occasion for e in told(app)) == Counter(d.isoformat() for d in fired)


def test_thousands_of_cohorts(app: Application, clock: StoppedClock) -> None:
    """Every zone, every hour: a day of ticks fires each cohort once."""
    timings = [Timing(Cadence.DAILY, 0, hour, zone) for zone in sorted(zones.names())[::6] for hour in range(24)]
    with app.store.write() as tx:
        assert tx.schedules.ensure_cohorts("letter", timings, clock.now()) == len(timings)
        assert tx.schedules.ensure_cohorts("letter", timings, clock.now()) == 0
    seen: Counter[tuple[str, int]] = Counter()
    for _ in range(24 * 4):
        clock.move(HOUR / 4)
        for edition in tick(app).fired:
            seen.update((c.zone, c.hour) for c in edition.cohorts)
    assert len(seen) == len(timings)
    assert set(seen.values()) == {1}
