"""When a digest is due (decisions.md, 21): once per local date that exists, in every zone there is."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tribune.domain.audience import Cadence
from tribune.domain.errors import InvalidInput
from tribune.domain.schedule import (
    Timing,
    between,
    cohort_weekday,
    due_on,
    latest_by,
    may_serve,
    next_after,
    next_due,
    owed_after_change,
)
from tribune.domain.zones import names, zone

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
ZONES = sorted(names())
NASTY = (
    "America/Sao_Paulo",  # midnight does not exist, or comes twice
    "Africa/Casablanca",  # off in Ramadan
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Apia",  # no 30 December 2011
    "Pacific/Kwajalein",  # one date twice, another not at all
    "Asia/Manila",  # no 31 December 1844
    "Antarctica/Troll",  # two hours
    "America/St_Johns",  # at one minute past midnight
    "America/Nuuk",  # from Saturday 23:00 to Sunday 00:00
    "America/Juneau",  # one date twice, in 1867
    "America/Santiago",
    "Australia/Sydney",
    "Africa/Monrovia",
    "Asia/Kathmandu",
)


def check(zone_name: str, hours: tuple[int, ...], first: date, last: date) -> None:
    """Walk the clock: each local date that it shows has one due instant, on it, and the first right one."""
    where = zone(zone_name)
    instant = datetime(first.year, first.month, first.day, tzinfo=UTC) - 2 * DAY
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + 3 * DAY
    shown: set[date] = set()
    reached: dict[tuple[date, int], datetime] = {}
    while instant < end:
        wall = instant.astimezone(where)
        shown.add(wall.date())
        for hour in hours:
            if wall.hour >= hour:
                reached.setdefault((wall.date(), hour), instant)
        instant += timedelta(minutes=30)
    for hour in hours:
        day, before = first, datetime.min.replace(tzinfo=UTC)
        while day <= last:
            due = due_on(day, hour, where)
            assert (due is not None) == (day in shown), f"{zone_name} {day}"
            if due is not None:
                told = f"{zone_name} {day} {hour}:00 -> {due}"
                assert due.astimezone(where).date() == day, told
                assert due > before, told
                if (day, hour) in reached:
                    assert due <= reached[day, hour], f"{told}: the hour had come at {reached[day, hour]}"
                    assert due.astimezone(where).hour >= hour, told
                    just_before = (due - SECOND).astimezone(where)
                    assert (just_before.date(), just_before.hour) < (day, hour) or just_before.date() > day, told
                before = due
            day += DAY


@pytest.mark.parametrize("zone_name", NASTY)
@pytest.mark.parametrize("year", [1844, 1867, 1969, 1993, 2011, 2018, 2026])
def test_nasty_zones_have_one_digest_per_date_that_exists(zone_name: str, year: int) -> None:
    check(zone_name, (0, 2, 23), date(year, 1, 1), date(year, 12, 31))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.dates(date(1840, 1, 1), date(2100, 1, 1)),
)
def test_any_zone_any_year_any_hour(zone_name: str, hour: int, first: date) -> None:
    check(zone_name, (hour,), first, first + 200 * DAY)


def test_every_zone_through_a_spring_and_an_autumn() -> None:
    chance = random.Random(21)
    for zone_name in ZONES:
        where = zone(zone_name)
        timing = Timing(Cadence.DAILY, 0, chance.choice((0, 1, 2, 3, 8, 23)), zone_name)
        for first in (date(2026, 2, 10), date(2026, 9, 1)):
            found = list(between(timing, first, first + 80 * DAY))
            assert [o.occasion for o in found] == [first + n * DAY for n in range(80)]
            assert all(o.due_at.astimezone(where).date() == o.occasion for o in found)
            assert all(earlier.due_at < later.due_at for earlier, later in pairwise(found))


@pytest.mark.parametrize(
    ("zone_name", "day", "hour", "due"),
    [
        ("America/Sao_Paulo", date(2018, 11, 4), 0, "2018-11-04T03:00"),  # midnight does not exist: 01:00
        ("America/Sao_Paulo", date(2018, 2, 17), 23, "2018-02-18T01:00"),  # 23:00 comes twice: the first
        ("Europe/Paris", date(2026, 3, 29), 2, "2026-03-29T01:00"),
        ("Europe/Paris", date(2026, 10, 25), 2, "2026-10-25T00:00"),
        ("Australia/Lord_Howe", date(2026, 10, 4), 2, "2026-10-03T15:30"),  # 02:30, the first that exists
        ("Australia/Lord_Howe", date(2026, 4, 5), 1, "2026-04-04T14:00"),
        ("America/St_Johns", date(2006, 4, 2), 0, "2006-04-02T03:30"),
        ("America/St_Johns", date(2006, 10, 29), 0, "2006-10-29T02:30"),  # midnight twice, a minute into the date
        ("Antarctica/Troll", date(2026, 3, 29), 1, "2026-03-29T01:00"),  # 03:00: two hours are missing
        ("Antarctica/Troll", date(2026, 3, 29), 2, "2026-03-29T01:00"),
        ("America/Santiago", date(2026, 9, 6), 0, "2026-09-06T04:00"),
        ("America/Nuuk", date(2026, 3, 28), 23, "2026-03-29T00:00"),  # Saturday ends at 23:00: at 22:00
        ("Africa/Dakar", date(2026, 11, 23), 8, "2026-11-23T08:00"),
        ("Pacific/Kwajalein", date(1969, 9, 30), 8, "1969-09-29T21:00"),  # the date comes twice: the first
        ("Pacific/Kwajalein", date(1969, 10, 1), 8, "1969-10-01T20:00"),
        ("Pacific/Kwajalein", date(1993, 8, 21), 8, None),
        ("Pacific/Apia", date(2011, 12, 30), 8, None),
        ("Asia/Manila", date(1844, 12, 31), 8, None),
    ],
)
def test_instants_by_hand(zone_name: str, day: date, hour: int, due: str | None) -> None:
    expected = None if due is None else datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert due_on(day, hour, zone(zone_name)) == expected


def test_ramadan_in_casablanca_keeps_the_local_hour() -> None:
    timing = Timing(Cadence.DAILY, 0, 8, "Africa/Casablanca")
    found = list(between(timing, date(2026, 1, 1), date(2027, 1, 1)))
    assert {o.due_at.astimezone(zone("Africa/Casablanca")).hour for o in found} == {8}
    assert {o.due_at.hour for o in found} == {7, 8}


def test_a_friday_that_samoa_skips_is_served_on_the_saturday() -> None:
    friday = Timing(Cadence.WEEKLY, 4, 8, "Pacific/Apia")
    served = [o.occasion for o in between(friday, date(2011, 12, 20), date(2012, 1, 15))]
    assert served == [date(2011, 12, 23), date(2011, 12, 31), date(2012, 1, 6), date(2012, 1, 13)]
    daily = Timing(Cadence.DAILY, 0, 8, "Pacific/Apia")
    assert [o.occasion.day for o in between(daily, date(2011, 12, 28), date(2012, 1, 2))] == [28, 29, 31, 1]


def test_monthly_is_the_first_such_weekday() -> None:
    monday = Timing(Cadence.MONTHLY, 0, 8, "Africa/Dakar")
    served = [o.occasion for o in between(monday, date(2026, 9, 1), date(2027, 3, 1))]
    assert served == [
        date(2026, 9, 7),
        date(2026, 10, 5),
        date(2026, 11, 2),
        date(2026, 12, 7),
        date(2027, 1, 4),
        date(2027, 2, 1),
    ]


cadences = st.sampled_from([Cadence.DAILY, Cadence.WEEKLY, Cadence.MONTHLY])
timings = st.builds(Timing, cadences, st.integers(0, 6), st.integers(0, 23), st.sampled_from([*ZONES, *NASTY * 20]))
instants = st.datetimes(
    datetime.fromisoformat("1845-01-01"), datetime.fromisoformat("2100-01-01"), timezones=st.just(UTC)
)


@settings(max_examples=300, deadline=None)
@given(timings, instants)
def test_latest_and_next_meet_at_any_instant(timing: Timing, now: datetime) -> None:
    latest, coming = latest_by(timing, now), next_due(timing, now)
    assert latest.due_at <= now < coming.due_at
    assert next_after(timing, latest.occasion) == coming
    assert list(between(timing, latest.occasion, coming.occasion + DAY)) == [latest, coming]
    longest = {Cadence.DAILY: 2, Cadence.WEEKLY: 8, Cadence.MONTHLY: 36}[timing.cadence]
    assert timedelta(0) < coming.occasion - latest.occasion <= longest * DAY


def test_a_person_is_served_once_a_date() -> None:
    assert may_serve(None, date(2026, 11, 23))
    assert may_serve(date(2026, 11, 22), date(2026, 11, 23))
    assert not may_serve(date(2026, 11, 23), date(2026, 11, 23))
    assert not may_serve(date(2026, 11, 24), date(2026, 11, 23))


def test_flying_east_before_breakfast_loses_no_monday() -> None:
    paris, tokyo = (Timing(Cadence.WEEKLY, 0, 8, name) for name in ("Europe/Paris", "Asia/Tokyo"))
    last = date(2026, 11, 16)
    at_one_in_paris = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    owed = owed_after_change(paris, tokyo, last, at_one_in_paris)
    assert owed is not None and owed.occasion == date(2026, 11, 23)
    assert (
        owed_after_change(paris, tokyo, last, datetime(2026, 11, 22, 22, 0, tzinfo=UTC)) is None
    )  # Tokyo's is to come
    after_breakfast = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert owed_after_change(paris, tokyo, date(2026, 11, 23), after_breakfast) is None


def test_asking_for_another_weekday_is_no_reason_for_a_mail_now() -> None:
    friday, monday = (Timing(Cadence.WEEKLY, day, 8, "Europe/Paris") for day in (4, 0))
    assert owed_after_change(friday, monday, date(2026, 11, 20), datetime(2026, 11, 25, 12, tzinfo=UTC)) is None


TRAVELLED = (
    "Pacific/Pago_Pago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Africa/Dakar",
    "Europe/Paris",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Fiji",
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60 * 24 * 4), st.sampled_from(TRAVELLED), st.integers(0, 23)), min_size=1, max_size=8
    )
)
def test_a_traveller_is_served_each_date_once_and_none_is_dropped(moves: list[tuple[int, str, int]]) -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    timing = Timing(Cadence.DAILY, 0, 8, "Europe/Paris")
    last: date | None = None
    leapt = False
    served: list[date] = []

    def serve(occasion: date) -> None:
        nonlocal last
        if may_serve(last, occasion):
            served.append(occasion)
            last = occasion

    def live_until(then: datetime) -> None:
        for occurrence in between(timing, now.date() - 3 * DAY, then.date() + 3 * DAY):
            if now < occurrence.due_at <= then:
                serve(occurrence.occasion)
                assert occurrence.occasion in served or leapt

    live_until(now + 3 * DAY)
    now += 3 * DAY
    for minutes, zone_name, hour in moves:
        then = now + timedelta(minutes=minutes)
        live_until(then)
        now = then
        moved_to = Timing(Cadence.DAILY, 0, hour, zone_name)
        leapt |= now.astimezone(zone(zone_name)).date() > now.astimezone(zone(timing.zone)).date()
        owed = owed_after_change(timing, moved_to, last, now)
        timing = moved_to
        if owed is not None:
            serve(owed.occasion)
    live_until(now + 3 * DAY)
    gaps = {later - earlier for earlier, later in pairwise(served)}
    # Only who leaps over midnight on the way has no mail of the date left behind: its items are in the next one.
    assert gaps <= ({DAY, 2 * DAY} if leapt else {DAY})


def test_a_timing_is_checked() -> None:
    for cadence, weekday, hour, name in (
        (Cadence.DAILY, 7, 8, "UTC"),
        (Cadence.DAILY, 0, 24, "UTC"),
        (Cadence.DAILY, 0, 8, "Europe/Pariss"),
        (Cadence.AT_ONCE, 0, 8, "UTC"),
    ):
        with pytest.raises(InvalidInput):
            Timing(cadence, weekday, hour, name)
    assert cohort_weekday(Cadence.DAILY, 3) == 0
    assert cohort_weekday(Cadence.MONTHLY, 3) == 3
