"""When a digest is due (decisions.md, 10 and 21): pure rules over local dates.

An *occasion* is a local date. Each occasion of a timing has one due instant:

- the first occurrence of its hour on that date; so an hour that daylight saving repeats, or a whole date that a zone
  repeats (Kwajalein 1969), counts once;
- where the hour does not exist, the first instant after the gap, if that is still the same date; else (Nuuk jumps
  from Saturday 23:00 to Sunday 00:00) the last whole hour before it that the date has: every date has its mail on
  that date;
- a date that the zone skips (Apia, 30 December 2011) has no occasion: a weekly or monthly one moves to the next date
  that exists, a daily one goes on with that date.

Due instants of a timing rise with its occasions, so "not yet had" is one comparison of dates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tribune.domain.audience import Cadence
from tribune.domain.errors import InvalidInput
from tribune.domain.zones import zone

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Timing:
    """When a cohort is served: `weekday` 0 for Monday (no matter for daily), `hour` 0-23 local, an IANA `zone`."""

    cadence: Cadence
    weekday: int
    hour: int
    zone: str

    def __post_init__(self) -> None:
        if self.cadence is Cadence.AT_ONCE:
            raise InvalidInput("At once has no hour of its own.", where="cadence", hint="Use daily, weekly or monthly.")
        if not 0 <= self.weekday <= 6:
            raise InvalidInput(f"{self.weekday} is not a weekday.", where="weekday", hint="0 is Monday, 6 is Sunday.")
        if not 0 <= self.hour <= 23:
            raise InvalidInput(f"{self.hour} is not an hour.", where="hour", hint="Use 0 to 23.")
        zone(self.zone)


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """An occasion (local date) and the instant (UTC) at which it is due."""

    occasion: date
    due_at: datetime


def cohort_weekday(cadence: Cadence, weekday: int) -> int:
    """The weekday under which a rhythm stands in its cohort: daily and at once have none, which is 0."""
    return weekday if cadence in (Cadence.WEEKLY, Cadence.MONTHLY) else 0


def may_serve(last_date: date | None, occasion: date) -> bool:
    """Whether a person last served for `last_date` may be served for `occasion`: the guard that holds when a person
    moves to another zone, a clock is set back, or an event comes twice."""
    return last_date is None or occasion > last_date


def due_on(day: date, hour: int, where: ZoneInfo) -> datetime | None:
    """The due instant (UTC) of `hour` on the local date `day`, or None where the zone skips that date."""
    for candidate in range(hour, -1, -1):
        wall = datetime(day.year, day.month, day.day, candidate, tzinfo=where)  # fold=0: the first occurrence
        instant = wall.astimezone(UTC)
        if instant.astimezone(where).replace(tzinfo=None) == wall.replace(tzinfo=None):
            return instant
        after_gap = _end_of_gap(wall, where)
        if after_gap.astimezone(where).date() == day:
            return after_gap
    return None


def _end_of_gap(wall: datetime, where: ZoneInfo) -> datetime:
    """The first instant after the gap in which the wall time lies, to the second."""
    early = wall.replace(fold=1).astimezone(UTC)  # in a gap, fold=1 reckons with the offset after it: before the jump
    late = wall.astimezone(UTC)
    old_offset = early.astimezone(where).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early).total_seconds() // 2)
        if middle.astimezone(where).utcoffset() == old_offset:
            early = middle
        else:
            late = middle
    return late


def next_after(timing: Timing, last: date) -> Occurrence:
    """The first occurrence whose occasion is later than `last`."""
    where = zone(timing.zone)
    for nominal in _nominals(timing, last - 2 * DAY, forward=True):
        found = _occurrence(nominal, timing.hour, where)
        if found.occasion > last:
            return found
    raise AssertionError("nominal dates never end")


def latest_by(timing: Timing, now: datetime) -> Occurrence:
    """The last occurrence that is due at `now` or before."""
    where = zone(timing.zone)
    for nominal in _nominals(timing, now.astimezone(where).date() + DAY, forward=False):
        found = _occurrence(nominal, timing.hour, where)
        if found.due_at <= now:
            return found
    raise AssertionError("nominal dates never end")


def next_due(timing: Timing, after: datetime) -> Occurrence:
    """The first occurrence that is due later than `after`."""
    return next_after(timing, latest_by(timing, after).occasion)


def between(timing: Timing, first: date, end: date) -> Iterator[Occurrence]:
    """The occurrences with first <= occasion < end, in order."""
    last = first - DAY
    while last + DAY < end:
        found = next_after(timing, last)
        if found.occasion >= end:
            return
        yield found
        last = found.occasion


def owed_after_change(old: Timing, new: Timing, last_date: date | None, now: datetime) -> Occurrence | None:
    """The occasion that a person who changes from `old` to `new` at `now` would lose, or None.

    It is one that has passed under the new timing, was still to come under the old one, and that they have not had
    (they flew from Paris to Tokyo on Monday before breakfast). It is served at once, so that moving drops nothing.
    """
    missed = latest_by(new, now)
    if not may_serve(last_date, missed.occasion):
        return None
    still_to_come = next_due(old, now)
    # More than the same date only for who crosses the date line between offsets more than a day apart.
    return missed if missed.occasion >= still_to_come.occasion else None


def _occurrence(nominal: date, hour: int, where: ZoneInfo) -> Occurrence:
    """The occurrence of a nominal date: on it, or on the next date that exists."""
    day = nominal
    while True:
        due_at = due_on(day, hour, where)
        if due_at is not None:
            return Occurrence(day, due_at)
        day += DAY


def _nominals(timing: Timing, start: date, *, forward: bool) -> Iterator[date]:
    """The calendar's dates of a timing, from `start` (included) on or back, whether the zone has them or not."""
    if timing.cadence is Cadence.MONTHLY:
        year, month = start.year, start.month
        while True:
            first = date(year, month, 1)
            day = first + DAY * ((timing.weekday - first.weekday()) % 7)
            if day >= start if forward else day <= start:
                yield day
            months = year * 12 + month - 1 + (1 if forward else -1)
            year, month = divmod(months, 12)
            month += 1
    step = DAY * (7 if timing.cadence is Cadence.WEEKLY else 1)
    day = start
    if timing.cadence is Cadence.WEEKLY:
        ahead = (timing.weekday - start.weekday()) % 7
        day = start + DAY * (ahead if forward or not ahead else ahead - 7)
    while True:
        yield day
        day = day + step if forward else day - step
