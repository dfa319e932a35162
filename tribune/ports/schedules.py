"""Schedules: one row per cohort (digest, cadence, weekday, hour, zone), and one per digest for at once.

A row holds what it waits for (`occasion`, `due_at`) and the last occasion that was settled for it. It only moves on:
the row is the guard that makes two schedulers, or a clock that is set back, fire an occasion once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from tribune.domain.audience import Cadence
from tribune.domain.schedule import Timing

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The due instant of an at-once row for which nothing waits."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A row. `occasion` and `last_occasion` are local dates in ISO form; for at once, instants ("" while none)."""

    id: int
    digest: str
    cadence: Cadence
    weekday: int
    hour: int
    zone: str
    due_at: datetime
    occasion: str
    last_occasion: str

    @property
    def timing(self) -> Timing:
        """The cohort's timing; not for at once."""
        return Timing(self.cadence, self.weekday, self.hour, self.zone)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A row with the number of active people whom it serves."""

    row: Scheduled
    people: int


class Schedules(Protocol):
    """Cohorts and their due instants."""

    def ensure_cohorts(self, digest: str, timings: Collection[Timing], now: datetime) -> int:
        """Have a row for each of these timings, due at its next occasion after `now`; how many are new. One that stands
        already is left alone. Daily ignores the weekday; at once needs no row. Raises InvalidInput.

        An instant fires once. A row that comes late to it (an import that began before the hour and is stored after
        the tick) is due some microseconds later, so that its people have a mailing of their own.
        """
        ...

    def anything_to_do(self, now: datetime, tzdata: str) -> bool:
        """Whether a row is due, or was reckoned with other time zone rules. Cheap: asked at each tick."""
        ...

    def due(self, now: datetime) -> list[Scheduled]:
        """Rows due at `now` or before, locked until the transaction ends, the longest due first."""
        ...

    def reckoned_otherwise(self, tzdata: str) -> list[Scheduled]:
        """Rows of cohorts whose due instant was reckoned with another version of the time zone rules."""
        ...

    def move(self, rows: Sequence[Scheduled], tzdata: str) -> None:
        """Save what rows wait for, what was settled, and the rules it was reckoned with."""
        ...

    def at_once(self, digest: str) -> Scheduled | None:
        """The at-once row of a digest."""
        ...

    def open_at_once(self, digest: str, due_at: datetime) -> None:
        """Let the at-once row of a digest (made where there is none) be due."""
        ...

    def anyone_at_once(self, digest: str) -> bool:
        """Whether anybody has this digest at once."""
        ...

    def next_due_at(self) -> datetime | None:
        """The earliest instant for which a row waits."""
        ...

    def upcoming(self, limit: int, *, digest: str | None = None) -> list[Upcoming]:
        """The next rows that serve somebody, soonest first."""
        ...

    def forget_deserted(self) -> int:
        """Delete rows of cohorts in which nobody is left; how many."""
        ...
