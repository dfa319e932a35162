"""Take what sources say into the catalogue: records, withdrawals, and embargoes that end (decisions.md, 3, 4, 7).

What is told of one record is ordered by its revision, then by time; what is not newer than what is known is old news
and changes nothing. A withdrawal leaves a tombstone: only a newer revision can raise the dead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tribune.domain.codelists import Codelists
from tribune.domain.events import CloudEvent
from tribune.domain.items import ItemRecord, Withdrawal
from tribune.domain.merging import KeptRecord
from tribune.domain.records import tidy
from tribune.ports.store import CATALOGUE
from tribune.services.catalogue.settle_records import Change, Settled, settle
from tribune.services.events.event_data import data_of

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

OLD_NEWS = "old news"
CANCELLED = "The session was cancelled."


@dataclass(frozen=True, slots=True)
class EmbargoNote:
    """What the history notes of a revision under embargo, as facts: pages word them in the reader's language.
    `stays`: something was released before, and stays."""

    revision: int
    until: datetime
    stays: bool

    def __str__(self) -> str:
        """`revision=2 until=2026-11-30T09:00:00+00:00 stays=yes`"""
        return f"revision={self.revision} until={self.until.isoformat()} stays={'yes' if self.stays else 'no'}"

    @staticmethod
    def read(note: str) -> EmbargoNote | None:
        """The facts at the beginning of a note, or None where it does not begin with them."""
        facts = dict(part.split("=", 1) for part in note.split()[:3] if "=" in part)
        try:
            return EmbargoNote(int(facts["revision"]), datetime.fromisoformat(facts["until"]), facts["stays"] == "yes")
        except (KeyError, ValueError):
            return None


def catalogue_record(tx: Transaction, event: CloudEvent, codelists: Codelists, now: datetime) -> Settled:
    """Take a record's revision in. Raises BrokenEvent for one that cannot be shown in any language."""
    tx.lock(CATALOGUE)
    told = data_of(event, ItemRecord)
    if told.session and told.session.cancelled:
        return _withdraw(tx, event, Withdrawal(told.record, CANCELLED), now)
    told = tidy(told, codelists)
    # New observations are news each time; other revisions when staff say so (decisions.md, 7).
    told = replace(told, new=told.new or event.type == "data.released")
    before = tx.catalogue.record(event.source, told.record)
    if before and (event.revision, event.time, event.id) <= before.age:
        return _old_news(tx, event, told, before, now)
    kept = _kept(event, told, before, now)
    announce = bool(kept.announced == event.revision and before and before.shown and kept.shown)
    change = Change(
        what=_what(kept, before),
        event_id=event.id,
        correlation_id=kept.correlation_id,
        now=now,
        note=_note(kept, before),
        announce=announce,
    )
    return settle(tx, kept, change)


def withdraw_record(tx: Transaction, event: CloudEvent, now: datetime) -> Settled:
    """Take a record back. The item goes with its last record; else it loses what only this record had brought."""
    tx.lock(CATALOGUE)
    return _withdraw(tx, event, data_of(event, Withdrawal), now)


def lift_embargoes(tx: Transaction, now: datetime) -> list[int]:
    """Make visible whatever has become free by `now`; the items concerned."""
    tx.lock(CATALOGUE)
    due = tx.catalogue.due_embargoes(now)
    for item_id in due:
        for record in tx.catalogue.records_of([item_id]):
            if record.waiting and not _embargoed(record.waiting, now):
                kept = replace(record, shown=record.waiting, waiting=None, announced=record.revision)
                change = Change(
                    what="embargo_over",
                    event_id=record.event_id,
                    correlation_id=record.correlation_id,
                    now=now,
                    announce=bool(record.shown and record.waiting.new),
                )
                settle(tx, kept, change)
    return due


def recode(tx: Transaction, codelists: Codelists, now: datetime) -> list[int]:
    """Map again what named no policy area, after the code lists have learnt; the items that changed."""
    tx.lock(CATALOGUE)
    changed: list[int] = []
    for record in tx.catalogue.records_with_categories():
        kept = replace(
            record,
            shown=tidy(record.shown, codelists) if record.shown else None,
            waiting=tidy(record.waiting, codelists) if record.waiting else None,
        )
        if kept != record:
            told = Change("recoded", record.event_id, record.correlation_id, now, "The code lists have changed.")
            changed.append(settle(tx, kept, told).item_id or 0)
    return sorted(set(changed))


def _kept(event: CloudEvent, told: ItemRecord, before: KeptRecord | None, now: datetime) -> KeptRecord:
    if before and before.waiting and before.waiting.new:
        told = replace(told, new=True)
    free = not _embargoed(told, now)
    shown_before = before.shown if before else None
    first = free and shown_before is None
    return KeptRecord(
        source=event.source,
        record=told.record,
        revision=event.revision,
        told_at=event.time,
        event_id=event.id,
        correlation_id=event.correlation_id or event.id,
        item_id=before.item_id if before else None,
        shown=told if free else shown_before,
        waiting=None if free else told,
        announced=event.revision if free and (first or told.new) else before.announced if before else 0,
    )


def _old_news(tx: Transaction, event: CloudEvent, told: ItemRecord, before: KeptRecord, now: datetime) -> Settled:
    """Changes nothing, but for one case: a revision that is called new comes after its own correction. What it
    announces is what we show; announced it must be."""
    late = told.new and before.announced < event.revision < before.revision
    if late and before.waiting:
        settled = replace(before, waiting=replace(before.waiting, new=True))
        tx.catalogue.save_record(settled)
    elif late and before.shown:
        kept = replace(before, announced=event.revision)
        correlation_id = event.correlation_id or event.id
        return settle(tx, kept, Change("announced_late", event.id, correlation_id, now, announce=True))
    return Settled(before.item_id, OLD_NEWS)


def _withdraw(tx: Transaction, event: CloudEvent, told: Withdrawal, now: datetime) -> Settled:
    before = tx.catalogue.record(event.source, told.record)
    if before and (event.revision, event.time, event.id) <= before.age:
        return Settled(before.item_id, OLD_NEWS)
    kept = KeptRecord(
        source=event.source,
        record=told.record,
        revision=event.revision,
        told_at=event.time,
        event_id=event.id,
        correlation_id=event.correlation_id or event.id,
        item_id=before.item_id if before else None,
        withdrawn=True,
    )
    if before is None or before.withdrawn:
        tx.catalogue.save_record(kept)
        return Settled(kept.item_id, "tombstone")
    return settle(tx, kept, Change("withdrawn", event.id, kept.correlation_id, now, note=told.reason))


def _embargoed(told: ItemRecord, now: datetime) -> bool:
    return told.embargo_until is not None and told.embargo_until > now


def _what(kept: KeptRecord, before: KeptRecord | None) -> str:
    if kept.waiting:
        return "embargoed"
    if before is None:
        return "created"
    return "came_back" if before.withdrawn else "updated"


def _note(kept: KeptRecord, before: KeptRecord | None) -> str:
    if kept.waiting is None or kept.waiting.embargo_until is None:
        return ""
    return str(EmbargoNote(kept.revision, kept.waiting.embargo_until, bool(before and before.shown)))
