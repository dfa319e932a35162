"""A person changes zone, hour or weekday: the occasion that would fall between the two timings is served at once.

The event names the new cohort, not the person: everybody else in it has been served for that occasion already, and
planning leaves them out by their last date; whoever came too late for it, and so has none, waits for the next one. So
no event carries a list of people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from tribune.domain.audience import Cadence
from tribune.domain.events import Cohort
from tribune.domain.schedule import Timing, cohort_weekday, owed_after_change
from tribune.ports.store import Transaction
from tribune.services.planning.tick import Edition, edition_due


@dataclass(frozen=True, slots=True)
class Change:
    """A person's rhythm of a digest before and after. `last_date`: the last local date they were served."""

    digest: str
    old: Timing
    new: Timing
    last_date: date | None


def serve_after_change(tx: Transaction, changes: Iterable[Change], now: datetime) -> int:
    """Fire what the changes would drop, in the transaction that makes them; how many editions.

    The rows of the new cohorts are ensured as well.
    """
    # Many change alike, and each change is looked at once.
    alike = set(changes)
    timings: dict[str, set[Timing]] = {}
    for change in alike:
        if change.new.cadence is not Cadence.AT_ONCE:
            timings.setdefault(change.digest, set()).add(change.new)
    for digest, wanted in timings.items():
        tx.schedules.ensure_cohorts(digest, wanted, now)
    # One event an edition, for all its cohorts: a second one of the same instant would be taken for a repeat.
    owed: dict[tuple[str, Cadence, date], set[Cohort]] = {}
    with_new: set[tuple[str, Cadence, date]] = set()
    for change in alike:
        new = change.new
        if change.old.cadence is not new.cadence:
            continue
        missed = owed_after_change(change.old, new, change.last_date, now)
        if missed is not None:
            cohort = Cohort(cohort_weekday(new.cadence, new.weekday), new.hour, new.zone)
            key = (change.digest, new.cadence, missed.occasion)
            owed.setdefault(key, set()).add(cohort)
            if change.last_date is None:
                with_new.add(key)
    for key, cohorts in owed.items():
        digest, cadence, occasion = key
        in_order = tuple(sorted(cohorts, key=lambda c: (c.zone, c.hour, c.weekday)))
        edition = Edition(now, digest, cadence, occasion.isoformat(), in_order, dated=key not in with_new)
        tx.outbox.add(edition_due(edition, now))
    return len(owed)
