"""The events that sending gives out. Every one goes with the mailing's correlation id."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from tribune.domain.events import ChunkDone, ChunkReady, CloudEvent, DeliveryChanged, MailingChanged
from tribune.domain.mailings import DeliveryState, Mailing
from tribune.domain.sending import Verdict
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import new_event

SOURCE = "/tribune/deliveries"

_CODE = re.compile(r"\d{3}(?: \d\.\d{1,3}\.\d{1,3})?")


def mailing_changed(tx: Transaction, mailing: Mailing, type: str, now: datetime, source: str = SOURCE) -> CloudEvent:
    """`mailing.approved`, `.started`, `.paused` and so on. What may happen again (a pause) is told apart by the number
    of the change, which `mailing`, as it is after it, carries: it is the event's revision and goes into its id."""
    languages = {locale: sum(counts.values()) for locale, counts in tx.ledger.progress(mailing.id).items()}
    data = MailingChanged(
        mailing=mailing.id,
        digest=mailing.digest,
        cadence=mailing.cadence.value if mailing.cadence else "",
        occasion=mailing.occasion,
        recipients=mailing.recipients,
        chunks=len(tx.ledger.chunks(mailing.id)),
        languages=languages,
        campaign=mailing.campaign.id if mailing.campaign else None,
    )
    event = new_event(
        type,
        data,
        source=source,
        key=str(mailing.id),
        record=f"mailing/{mailing.id}",
        time=now,
        revision=mailing.changes + 1,
    )
    return replace(event, correlation_id=mailing.correlation_id or event.id)


def chunk_ready(
    mailing: Mailing, chunk: int, now: datetime, *, again: bool = False, change: int = 0, source: str = SOURCE
) -> CloudEvent:
    """A chunk waits for a sender; `again`: not for the first time, so that the event has an id of its own.
    `change`: the number of the change of its mailing that brings it back."""
    record = f"chunk/{mailing.id}.{chunk}" + (f"/{now.isoformat()}" if again else "") + (f"/{change}" if change else "")
    data = ChunkReady(mailing.id, chunk)
    key = f"{mailing.id}.{chunk}"
    return _told(mailing, "delivery.chunk-ready", data, key=key, record=record, now=now, source=source)


def chunk_done(tx: Transaction, mailing: Mailing, chunk: int, now: datetime) -> CloudEvent:
    counts = tx.ledger.chunk_progress(mailing.id, chunk)
    data = ChunkDone(
        mailing=mailing.id,
        chunk=chunk,
        sent=counts.get(DeliveryState.SENT, 0),
        failed=counts.get(DeliveryState.FAILED, 0),
        suppressed=counts.get(DeliveryState.SUPPRESSED, 0),
        quarantined=counts.get(DeliveryState.QUARANTINED, 0),
        empty=counts.get(DeliveryState.EMPTY, 0),
        waiting=counts.get(DeliveryState.RETRY, 0) + counts.get(DeliveryState.IN_DOUBT, 0),
    )
    record = f"chunk/{mailing.id}.{chunk}"
    return _told(mailing, "delivery.chunk-done", data, key=str(mailing.id), record=record, now=now)


def delivery_failed(mailing: Mailing, chunk: int, subscriber: int, verdict: Verdict, now: datetime) -> CloudEvent:
    """Only the codes of the server's answer go into the event: its words may hold the address."""
    code = _CODE.match(verdict.code)
    data = DeliveryChanged(mailing.id, subscriber, verdict.state.value, code.group() if code else "")
    record = f"delivery/{mailing.id}.{chunk}.{verdict.place}"
    return _told(mailing, "delivery.failed", data, key=str(mailing.id), record=record, now=now)


def _told(
    mailing: Mailing, type: str, data: object, *, key: str, record: str, now: datetime, source: str = SOURCE
) -> CloudEvent:
    event = new_event(type, data, source=source, key=key, record=record, time=now)
    return replace(event, correlation_id=mailing.correlation_id or event.id)
