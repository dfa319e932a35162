"""A person changes zone, hour or weekday: the occasion that would fall between the two timings is served at once.

The event names the new cohort, not the person: everybody else in it has been served for that occasion already, and
planning leaves them out by their last date; whoever came too late for it, and so has none, waits for the next one. Only
who moves without having one, on the day on which they joined, is named. So no event carries a long list of people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from tribune.domain.audience import Cadence
from tribune.domain.events import Cohort
from tribune.domain.schedule import Timing, cohort_weekday, owed_after_change
from tribune.ports.store import Transaction
from tribune.services.planning.tick import Edition, edition_due

MOST_NAMED = 1_000
"""Newcomers whom an event names. Where more move at once (an import), all newcomers of their new cohorts are served."""


@dataclass(frozen=True, slots=True)
class Change:
    """A person's rhythm of a digest before and after. `last_date`: the last local date they were served."""

    digest: str
    old: Timing
    new: Timing
    last_date: date | None
    person: int


def serve_after_change(tx: Transaction, changes: Iterable[Change], now: datetime) -> int:
    """Fire what the changes would drop, in the transaction that makes them; how many editions.

    The rows of the new cohorts are ensured as well.
    """
    # Many change alike, and each change is looked at once.
    alike: dict[tuple[str, Timing, Timing, date | None], list[int]] = {}
    for change in changes:
        alike.setdefault((change.digest, change.old, change.new, change.last_date), []).append(change.person)
    timings: dict[str, set[Timing]] = {}
    for digest, _, new, _ in alike:
        if new.cadence is not Cadence.AT_ONCE:
            timings.setdefault(digest, set()).add(new)
    for digest, wanted in timings.items():
        tx.schedules.ensure_cohorts(digest, wanted, now)
    # One event an edition, for all its cohorts: a second one of the same instant would be taken for a repeat.
    owed: dict[tuple[str, Cadence, date], _Owed] = {}
    for (digest, old, new, last_date), people in alike.items():
        missed = owed_after_change(old, new, last_date, now) if old.cadence is new.cadence else None
        if missed is not None:
            edition = owed.setdefault((digest, new.cadence, missed.occasion), _Owed())
            edition.cohorts.add(Cohort(cohort_weekday(new.cadence, new.weekday), new.hour, new.zone))
            if last_date is None:
                edition.newcomers.update(people)
    for (digest, cadence, occasion), edition in owed.items():
        in_order = tuple(sorted(edition.cohorts, key=lambda c: (c.zone, c.hour, c.weekday)))
        named = len(edition.newcomers) <= MOST_NAMED
        newcomers = tuple(sorted(edition.newcomers)) if named else ()
        due = Edition(now, digest, cadence, occasion.isoformat(), in_order, dated=named, newcomers=newcomers)
        tx.outbox.add(edition_due(due, now))
    return len(owed)


@dataclass(slots=True)
class _Owed:
    """Whom an edition is for that is fired at once."""

    cohorts: set[Cohort] = field(default_factory=set)
    newcomers: set[int] = field(default_factory=set)
