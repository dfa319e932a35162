"""Write down a plan, of an edition or of a campaign: signatures, chunks, deliveries, and the events that follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tribune.domain.events import CloudEvent, MailingChanged
from tribune.domain.mailings import CHUNK_SIZE, Lane, Mailing, MailingState
from tribune.ports.planning import ChunkPlan, DeliveryPlans, Due
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import new_event
from tribune.services.planning.edition_contents import Contents
from tribune.services.sending.mailing_events import chunk_ready

SOURCE = "/tribune/mailings"


def write_plan(
    tx: Transaction, mailing: int, due: Due, contents: Contents, not_before: datetime | None = None
) -> list[ChunkPlan]:
    """Signatures, chunks and deliveries. Chunks are cut by (domain group, locale); within one, people of a signature
    stand side by side (decisions.md, 17). Before `not_before` no sender takes one."""
    import numpy as np

    groups = tuple(dict.fromkeys(p.domain_group for p in due.profiles))
    group_of_profile = np.array([groups.index(p.domain_group) for p in due.profiles], np.int64)
    group = group_of_profile[due.profile[contents.people]]
    order = np.lexsort((contents.people, contents.signature, contents.locale, group))
    kind = np.stack([group[order], contents.locale[order]])
    heads = [0, *(np.flatnonzero((kind[:, 1:] != kind[:, :-1]).any(axis=0)) + 1).tolist()] if len(order) else []
    starts = [
        start
        for head, end in zip(heads, [*heads[1:], len(order)] if heads else [], strict=True)
        for start in range(head, end, CHUNK_SIZE)
    ]
    sizes = np.diff([*starts, len(order)]) if starts else np.empty(0, np.int64)
    chunks = [
        ChunkPlan(number, Lane.MAILING, groups[kind[0, start]], contents.locales[kind[1, start]], size, not_before)
        for number, (start, size) in enumerate(zip(starts, sizes.tolist(), strict=True))
    ]
    chunk = np.repeat(np.arange(len(chunks)), sizes)
    place = np.arange(len(order)) - np.repeat(np.array(starts, np.int64), sizes)
    tx.planning.add_signatures(
        mailing,
        ((n, locale, text) for n, (locale, text) in enumerate(zip(contents.locale_of, contents.texts, strict=True))),
    )
    tx.planning.add_chunks(mailing, chunks)
    tx.planning.add_deliveries(
        mailing,
        DeliveryPlans(chunk, place, due.ids[contents.people[order]], contents.signature[order]),
    )
    return chunks


def tell_of_plan(
    tx: Transaction,
    mailing: Mailing,
    contents: Contents,
    chunks: int,
    now: datetime,
    cause: CloudEvent | None = None,
) -> None:
    """Say that it is planned, and where it needs no approval, that it leaves. Nothing of a mailing to nobody."""
    import numpy as np

    if not mailing.recipients:
        return
    counts = np.bincount(contents.locale, minlength=len(contents.locales)).tolist()
    data = MailingChanged(
        mailing=mailing.id,
        digest=mailing.digest,
        cadence=mailing.cadence.value if mailing.cadence else "",
        occasion=mailing.occasion,
        recipients=mailing.recipients,
        chunks=chunks,
        campaign=mailing.campaign.id if mailing.campaign else None,
        languages={locale: count for locale, count in zip(contents.locales, counts, strict=True) if count},
    )
    types = ["mailing.planned"] + (["mailing.approved"] if mailing.state is MailingState.APPROVED else [])
    for type in types:
        event = new_event(
            type, data, source=SOURCE, key=str(mailing.id), record=f"mailing/{mailing.id}", time=now, cause=cause
        )
        tx.outbox.add(replace(event, correlation_id=mailing.correlation_id))
    if mailing.state is MailingState.APPROVED:
        tx.outbox.add(*(chunk_ready(mailing, chunk, now, source=SOURCE) for chunk in range(chunks)))
