"""Claim what is due, and say so with an event (architecture.md, 5; decisions.md, 12, 13, 21).

All in one write transaction: rows that are due are read, each moves on to its next occasion, and each edition
becomes one `edition.due` event for all its cohorts. So two schedulers never fire an edition twice, and a crash loses
nothing. The policy for a scheduler that was down: each cohort is served once, for the latest occasion it missed
(what was not sent waits in it); earlier missed occasions are skipped and returned as such. Never a flood.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from tribune.domain import zones
from tribune.domain.audience import Cadence
from tribune.domain.events import CloudEvent, Cohort, EditionDue
from tribune.domain.schedule import between, latest_by, next_after
from tribune.ports.schedules import NEVER, Scheduled
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import new_event

SOURCE = "/tribune/scheduler"


@dataclass(frozen=True, slots=True, order=True)
class Edition:
    """An edition that was fired for cohorts that share its due instant. `late`: past the limit of being stale;
    `dated` and `newcomers`: see EditionDue."""

    due_at: datetime
    digest: str
    cadence: Cadence
    occasion: str
    cohorts: tuple[Cohort, ...] = ()
    late: bool = False
    dated: bool = False
    newcomers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """Occasions that a cohort was not served for, and why: `missed` (a later one came due meanwhile) or
    `unknown digest` (the settings no longer have it)."""

    row: Scheduled
    occasions: int
    first: str
    last: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick did. `reckoned`: rows whose due instant was reckoned anew for other time zone rules."""

    fired: tuple[Edition, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    reckoned: int = 0


def nothing_to_do(tx: Transaction, now: datetime) -> bool:
    """Whether `claim_due` would do nothing: a cheap question in a read, so that an idle tick takes no write lock."""
    return not tx.schedules.anything_to_do(now, zones.version())


def claim_due(
    tx: Transaction, digests: Collection[str], now: datetime, stale_after: timedelta, retired: Collection[str] = ()
) -> Ticked:
    """Fire what is due at `now` for the digests of the settings; what would be for retired ones is passed over without
    a word. Needs a write transaction."""
    reckoned = _reckon_anew(tx)
    fired: dict[tuple[str, Cadence, str, datetime], list[Cohort]] = {}
    skipped: list[Skipped] = []
    moved: list[Scheduled] = []
    for row in tx.schedules.due(now):
        settled, due_at, missed = _settle(row, now)
        moved.append(settled)
        if row.digest in retired:
            continue
        if row.digest not in digests:
            every = (*missed, settled.last_occasion)
            skipped.append(Skipped(row, len(every), every[0], every[-1], "unknown digest"))
            continue
        if missed:
            skipped.append(Skipped(row, len(missed), missed[0], missed[-1], "missed"))
        cohorts = fired.setdefault((row.digest, row.cadence, settled.last_occasion, due_at), [])
        if row.cadence is not Cadence.AT_ONCE:
            cohorts.append(Cohort(row.weekday, row.hour, row.zone))
    editions = sorted(
        Edition(due_at, digest, cadence, occasion, _in_order(cohorts), now - due_at > stale_after)
        for (digest, cadence, occasion, due_at), cohorts in fired.items()
    )
    tx.schedules.move(moved, zones.version())
    tx.outbox.add(*(edition_due(edition, now) for edition in editions))
    return Ticked(tuple(editions), tuple(skipped), reckoned)


def claim_at_once(tx: Transaction, digest: str, now: datetime) -> Edition | None:
    """Fire the edition at once of a digest, if its window has closed, without waiting for the next tick: where the
    settings let nothing wait, a release goes out within moments. Needs a write transaction."""
    row = tx.schedules.at_once(digest)
    if row is None or row.due_at > now:
        return None
    settled, due_at, _ = _settle(row, now)
    edition = Edition(due_at, digest, Cadence.AT_ONCE, settled.last_occasion)
    tx.schedules.move([settled], zones.version())
    tx.outbox.add(edition_due(edition, now))
    return edition


def edition_due(edition: Edition, now: datetime) -> CloudEvent:
    """The event that an edition is due. Its id follows from the edition, so a repeat is recognised as one."""
    series = f"{edition.digest}/{edition.cadence.value}"
    record = f"{series}/{edition.occasion}/{edition.due_at.astimezone(UTC).isoformat()}"
    e = edition
    data = EditionDue(e.digest, e.cadence.value, e.occasion, e.due_at, e.cohorts, e.dated, e.newcomers)
    return new_event("edition.due", data, source=SOURCE, key=series, record=record, time=now)


def _settle(row: Scheduled, now: datetime) -> tuple[Scheduled, datetime, tuple[str, ...]]:
    """The row moved on behind `now`, the due instant of the occasion that it serves, and what it missed before."""
    if row.cadence is Cadence.AT_ONCE:
        return replace(row, due_at=NEVER, occasion="", last_occasion=row.occasion), row.due_at, ()
    timing = row.timing
    serves = latest_by(timing, now)
    missed = tuple(m.occasion.isoformat() for m in between(timing, date.fromisoformat(row.occasion), serves.occasion))
    waits = next_after(timing, serves.occasion)
    settled = replace(
        row, due_at=waits.due_at, occasion=waits.occasion.isoformat(), last_occasion=serves.occasion.isoformat()
    )
    # A row's own instant is the timing's, unless it came late to it (see Schedules.ensure_cohorts).
    due_at = serves.due_at if missed else row.due_at
    return settled, due_at, missed


def _reckon_anew(tx: Transaction) -> int:
    """Due instants under the time zone rules now in use. What is settled stays settled."""
    rules = zones.version()
    rows = tx.schedules.reckoned_otherwise(rules)
    anew = []
    for row in rows:
        waits = next_after(row.timing, date.fromisoformat(row.last_occasion))
        anew.append(replace(row, due_at=waits.due_at, occasion=waits.occasion.isoformat()))
    tx.schedules.move(anew, rules)
    return len(rows)


def _in_order(cohorts: Iterable[Cohort]) -> tuple[Cohort, ...]:
    return tuple(sorted(cohorts, key=lambda c: (c.zone, c.hour, c.weekday)))
