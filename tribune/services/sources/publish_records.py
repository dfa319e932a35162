"""Publish what a source says now: numbered revisions of its records, as events, once each (decisions.md, 3 and 4).

What was read is compared with what was published: a record that is unchanged gives nothing, one that changed gives
its next revision (A -> B -> A gives three), a withdrawal of a record that nobody heard of gives nothing. Events,
revisions and the source's watermark are written in the caller's one transaction, so a crash before its commit
leaves all as it was and the next pull reads the same again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tribune.domain.events import CloudEvent
from tribune.domain.items import ItemRecord, Withdrawal
from tribune.ports.sources import RecordState, Sources, SourceState
from tribune.services.events.event_codec import new_event
from tribune.services.events.event_data import to_data

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

Told = ItemRecord | Withdrawal


def publish_records(
    tx: Transaction, source: str, told: Sequence[Told], now: datetime, state: SourceState | None = None
) -> list[CloudEvent]:
    """The events that `told` gives rise to, written with the records' revisions and, if given, the watermark."""
    tx.lock(f"source:{source}")
    events, revisions = events_for(tx.sources, source, told, now)
    tx.outbox.add(*events)
    tx.sources.save_records(source, revisions)
    if state:
        tx.sources.save_state(state)
    return events


def events_for(
    sources: Sources, source: str, told: Sequence[Told], now: datetime
) -> tuple[list[CloudEvent], list[RecordState]]:
    """What publishing would write, without writing it: the events and the records' new revisions."""
    known = sources.records(source, {record.record for record in told})
    events: list[CloudEvent] = []
    revisions: list[RecordState] = []
    # Said twice in one reading: the last word counts.
    for said in {record.record: record for record in told}.values():
        before = known.get(said.record)
        change = _change(said, before)
        if change is None:
            continue
        revision = before.revision + 1 if before else 1
        event = new_event(
            change, _as_data(said), source=source, key=said.record, subject=said.record, time=now, revision=revision
        )
        events.append(event)
        revisions.append(RecordState(said.record, revision, digest(said), _withdraws(said)))
    return events, revisions


def digest(said: Told) -> str:
    """A hash of what a source says of a record."""
    content = json.dumps(to_data(said), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{type(said).__name__}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()


def _withdraws(said: Told) -> bool:
    return isinstance(said, Withdrawal) or bool(said.session and said.session.cancelled)


def _as_data(said: Told) -> Told:
    if isinstance(said, ItemRecord) and _withdraws(said):
        return Withdrawal(said.record, "The session was cancelled.")
    return said


def _change(said: Told, before: RecordState | None) -> str | None:
    """The type of the event; None where there is nothing to tell."""
    known = before is not None and not before.withdrawn
    if isinstance(said, Withdrawal):
        return "publication.withdrawn" if known else None
    if said.session and said.session.cancelled:
        return "session.cancelled" if known else None
    if before is not None and known and before.digest == digest(said):
        return None
    if said.data:
        # A release has new observations or is the first; otherwise values changed, none was added.
        return "data.released" if said.data.new_count or said.data.first_load else "data.revised"
    if said.session:
        return "session.updated" if known else "session.scheduled"
    return "publication.updated" if known else "publication.published"
