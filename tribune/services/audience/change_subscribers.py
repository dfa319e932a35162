"""Store people as they have become, so that no item is lost by the change and none comes twice.

A change of subscriptions draws a line: what a person would have been sent under the old ones, and still wants under
the new ones, is carried over to the cadence that it now belongs to; all marks move to the line. So widening a choice
does not reach back (decisions.md, 10), and a quicker cadence that is given up does not repeat itself in a slower one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tribune.domain.audience import Cadence, Rhythm, Subscriber
from tribune.domain.changes import same_day_there
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest
from tribune.domain.items import Item
from tribune.domain.matching import cadence_of
from tribune.domain.schedule import Timing, cohort_weekday
from tribune.ports.audience import CarryOver
from tribune.ports.store import AUDIENCE, Transaction
from tribune.services.audience.refresh_masks import Masker, masker
from tribune.services.audience.serve_after_change import Change, serve_after_change
from tribune.services.planning.plan_edition import choose
from tribune.services.planning.wait_for_at_once import catch_up_at_once

Changed = tuple[Subscriber, Subscriber]
"""A person as they were and as they are to be."""


def change_subscribers(
    tx: Transaction,
    changes: Sequence[Changed],
    digests: Mapping[str, Digest],
    codelists: Codelists,
    now: datetime,
) -> None:
    """Store the changes. Marks in the new rhythms are set here."""
    tx.lock(AUDIENCE)
    horizon = tx.catalogue.last_sequence()
    mask = masker(tx, codelists)
    pending: list[tuple[str, Subscriber, Item]] = []
    redrawn: set[tuple[int, str]] = set()
    for digest in digests.values():
        moved = {new.id: new for old, new in changes if _wishes(old, digest.id) != _wishes(new, digest.id)}
        redrawn.update((id, digest.id) for id in moved)
        held = {r.cadence for old, _ in changes if old.id in moved for r in old.rhythms if r.digest == digest.id}
        found = _pending(tx, moved, held, digest, mask, horizon, now)
        pending += [(digest.id, moved[id], item) for id, item in found]
        tx.audience.forget_carried(list(moved), digest.id)
    stored = [same_day_there(old, _with_marks(old, new, redrawn, horizon)) for old, new in changes]
    tx.audience.update(stored, mask, now)
    carried = [
        CarryOver(person.id, digest, cadence, item.id, "changed")
        for digest, person, item in pending
        if (cadence := cadence_of(person.subscriptions, digest, item, codelists.places)) is not None
    ]
    tx.audience.carry_over(carried)
    at_once = {row.subscriber for row in carried if row.cadence is Cadence.AT_ONCE}
    catch_up_at_once(tx, [person for person in stored if person.id in at_once], now)
    ensure_cohorts(tx, stored, now)
    serve_after_change(tx, [c for (old, _), new in zip(changes, stored, strict=True) for c in _retimed(old, new)], now)


def ensure_cohorts(tx: Transaction, people: Sequence[Subscriber], now: datetime) -> None:
    """Have a schedule for each of these people's rhythms."""
    timings: dict[str, set[Timing]] = {}
    for person in people:
        for rhythm in person.rhythms:
            if rhythm.cadence is not Cadence.AT_ONCE:
                timings.setdefault(rhythm.digest, set()).add(_timing(rhythm, person.zone))
    for digest, wanted in timings.items():
        tx.schedules.ensure_cohorts(digest, wanted, now)


def _pending(
    tx: Transaction,
    people: Mapping[int, Subscriber],
    cadences: Collection[Cadence],
    digest: Digest,
    mask: Masker,
    horizon: int,
    now: datetime,
) -> list[tuple[int, Item]]:
    """(person, item) of what they would be sent now, in any of the cadences that they had, under their old
    subscriptions."""
    found: dict[tuple[int, int], Item] = {}
    for cadence in cadences:
        due = tx.planning.these(digest.id, cadence, list(people))
        if not len(due.ids):
            continue
        candidates, selected = choose(tx, due, digest, cadence, mask, now, horizon)
        for candidate, row in zip(candidates, selected, strict=True):
            for id in due.ids[row].tolist():
                found[id, candidate.item.id] = candidate.item
    return [(id, item) for (id, _), item in found.items()]


def _with_marks(old: Subscriber, new: Subscriber, redrawn: set[tuple[int, str]], horizon: int) -> Subscriber:
    before = {(r.digest, r.cadence): r for r in old.rhythms}

    def settled(rhythm: Rhythm) -> Rhythm:
        was = before.get((rhythm.digest, rhythm.cadence))
        if was is None or (new.id, rhythm.digest) in redrawn:
            return replace(rhythm, mark=horizon, last_date=was.last_date if was else None)
        return rhythm

    return replace(new, rhythms=tuple(settled(rhythm) for rhythm in new.rhythms))


def _wishes(person: Subscriber, digest: str) -> set[object]:
    return {(s.cadence, s.choice) for s in person.subscriptions if s.digest == digest}


def _retimed(old: Subscriber, new: Subscriber) -> list[Change]:
    before = {(r.digest, r.cadence.rank): r for r in old.rhythms if r.cadence is not Cadence.AT_ONCE}
    changed = []
    for rhythm in new.rhythms:
        former = before.get((rhythm.digest, rhythm.cadence.rank))
        if former is not None and (was := _timing(former, old.zone)) != _timing(rhythm, new.zone):
            changed.append(Change(rhythm.digest, was, _timing(rhythm, new.zone), rhythm.last_date, new.id))
    return changed


def _timing(rhythm: Rhythm, zone: str) -> Timing:
    return Timing(rhythm.cadence, cohort_weekday(rhythm.cadence, rhythm.weekday), rhythm.hour, zone)
