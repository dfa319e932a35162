"""Looking into the ledger: every delivery's state, derived from its chunk's marks and its exception."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, select, tuple_

from tribune.domain.audience import Cadence
from tribune.domain.mailings import DeliveryState, Mailing, MailingState, OfCampaign
from tribune.domain.sending import Marks
from tribune.ports.ledger import ChunkView, DeliveryView
from tribune.store.delivery_blocks import latest_places, places_of
from tribune.store.tables import campaigns, chunks, deliveries, delivery_exceptions, editions, mailings

_OF_THE_CHUNK = (chunks.c.mailing_id == deliveries.c.mailing_id) & (chunks.c.chunk == deliveries.c.chunk)
_OF_THE_DELIVERY = (
    (delivery_exceptions.c.mailing_id == deliveries.c.mailing_id)
    & (delivery_exceptions.c.chunk == deliveries.c.chunk)
    & (delivery_exceptions.c.place == deliveries.c.place)
)

OF_CANCELLED = mailings.c.state == MailingState.CANCELLED.value
CERTAINLY_LEFT_BEHIND = and_(
    delivery_exceptions.c.state.in_((DeliveryState.RETRY.value, DeliveryState.QUARANTINED.value)),
    delivery_exceptions.c.handovers == 0,
)
"""Exceptions that wait, and whose mail never left for all that is known."""

EXCEPTION = case(
    (and_(OF_CANCELLED, CERTAINLY_LEFT_BEHIND), DeliveryState.CANCELLED.value),
    (
        and_(OF_CANCELLED, delivery_exceptions.c.state == DeliveryState.RETRY.value),
        DeliveryState.IN_DOUBT.value,
    ),
    else_=delivery_exceptions.c.state,
)
STATE = case(
    (delivery_exceptions.c.state.is_not(None), EXCEPTION),
    (deliveries.c.place < chunks.c.sent_upto, DeliveryState.SENT.value),
    (deliveries.c.place < chunks.c.doubt_upto, DeliveryState.IN_DOUBT.value),
    (OF_CANCELLED, DeliveryState.CANCELLED.value),
    else_=DeliveryState.WAITING.value,
)
"""A delivery's state, as tribune/domain/mailings.py defines it."""

NOT_CANCELLED = STATE.notin_((DeliveryState.CANCELLED.value,))
"""Deliveries that reached their people, or still may."""


WITH_A_ROW = frozenset(
    (
        DeliveryState.FAILED,
        DeliveryState.SUPPRESSED,
        DeliveryState.QUARANTINED,
        DeliveryState.RETRY,
        DeliveryState.EMPTY,
    )
)
"""States that only exceptions have."""


def delivery_states(*, exceptions_only: bool = False) -> Select[Any]:
    """The view: one row a delivery with its state; without those that have no row in the exceptions, where asked so."""
    of_chunks = deliveries.join(mailings, mailings.c.id == deliveries.c.mailing_id).join(chunks, _OF_THE_CHUNK)
    return select(
        deliveries.c.mailing_id,
        deliveries.c.chunk,
        deliveries.c.place,
        deliveries.c.subscriber_id,
        chunks.c.locale,
        deliveries.c.signature,
        STATE.label("state"),
        func.coalesce(delivery_exceptions.c.code, "").label("code"),
        func.coalesce(delivery_exceptions.c.attempts, 0).label("attempts"),
        delivery_exceptions.c.next_attempt_at,
    ).select_from(of_chunks.join(delivery_exceptions, _OF_THE_DELIVERY, isouter=not exceptions_only))


def find_deliveries(
    connection: Connection,
    *,
    mailing: int | None = None,
    subscriber: int | None = None,
    states: Collection[DeliveryState] = (),
    limit: int,
    after: tuple[int, int] | None = None,
) -> list[DeliveryView]:
    query = delivery_states(exceptions_only=bool(states) and WITH_A_ROW.issuperset(states))
    if mailing is not None:
        query = query.where(deliveries.c.mailing_id == mailing)
    if subscriber is not None:
        d = deliveries.c
        stands = _places(connection, mailing, subscriber, limit)
        query = query.where(tuple_(d.mailing_id, d.chunk, d.place).in_(stands))
    if after is not None:
        query = query.where(tuple_(deliveries.c.chunk, deliveries.c.place) > tuple_(*after))
    if states:
        query = query.where(STATE.in_([state.value for state in states]))
    newest_first = deliveries.c.mailing_id if mailing is not None else deliveries.c.mailing_id.desc()
    return shown(connection, query.order_by(newest_first, deliveries.c.chunk, deliveries.c.place).limit(limit))


def shown(connection: Connection, query: Select[Any]) -> list[DeliveryView]:
    """The rows of the view, for people to look at."""
    return [
        DeliveryView(m, chunk, place, person, locale, signature, DeliveryState(state), code, attempts, again)
        for m, chunk, place, person, locale, signature, state, code, attempts, again in connection.execute(query)
    ]


def _places(connection: Connection, mailing: int | None, subscriber: int, limit: int) -> list[tuple[int, int, int]]:
    if mailing is None:
        return latest_places(connection, subscriber, limit)
    return [(mailing, *at) for at in places_of(connection, mailing, [subscriber]).values()]


def _counting(*where: ColumnElement[bool]) -> tuple[Select[Any], Select[Any], Select[Any]]:
    """Whether a mailing is cancelled, and its totals where it ages out; per locale what the marks say; per locale and
    state what is excepted."""
    e = delivery_exceptions.c
    cancelled = select(OF_CANCELLED, mailings.c.totals).where(mailings.c.id == bindparam("of_mailing"))
    marks = select(
        chunks.c.locale,
        func.sum(chunks.c.size - chunks.c.doubt_upto),
        func.sum(chunks.c.doubt_upto - chunks.c.sent_upto),
        func.sum(chunks.c.sent_upto),
    ).group_by(chunks.c.locale)
    exceptions = (
        select(chunks.c.locale, EXCEPTION.label("of_state"), func.count())
        .select_from(delivery_exceptions)
        .join(mailings, mailings.c.id == e.mailing_id)
        .join(chunks, (chunks.c.mailing_id == e.mailing_id) & (chunks.c.chunk == e.chunk))
        .where(e.mailing_id == bindparam("of_mailing"))
        .group_by(chunks.c.locale, "of_state")
    )
    return cancelled, marks.where(*where), exceptions.where(*where)


_OF_MAILING = chunks.c.mailing_id == bindparam("of_mailing")
_PROGRESS = _counting(_OF_MAILING)
_CHUNK_PROGRESS = _counting(_OF_MAILING, chunks.c.chunk == bindparam("of_chunk"))


def progress(
    connection: Connection, mailing: int, chunk: int | None = None
) -> Mapping[str, Mapping[DeliveryState, int]]:
    """Exact numbers per locale and state, from the chunks' marks and the exceptions: no delivery row is read. Of a
    mailing that ages out, what was written down before."""
    told = {"of_mailing": mailing} if chunk is None else {"of_mailing": mailing, "of_chunk": chunk}
    cancelled, marks, exceptions = _PROGRESS if chunk is None else _CHUNK_PROGRESS
    is_cancelled, totals = connection.execute(cancelled, told).first() or (False, None)
    if totals is not None and chunk is None:
        return {
            locale: {DeliveryState(state): number for state, number in states.items()}
            for locale, states in totals.items()
        }
    left = DeliveryState.CANCELLED if is_cancelled else DeliveryState.WAITING
    counts = {
        locale: {left: waiting, DeliveryState.IN_DOUBT: doubt, DeliveryState.SENT: sent}
        for locale, waiting, doubt, sent in connection.execute(marks, told)
    }
    for locale, state, number in connection.execute(exceptions, told):
        of_locale = counts[locale]
        of_locale[DeliveryState.SENT] -= number
        of_locale[DeliveryState(state)] = of_locale.get(DeliveryState(state), 0) + number
    return {
        locale: {state: number for state, number in of_locale.items() if number}
        for locale, of_locale in sorted(counts.items())
    }


def progress_since(connection: Connection, since: datetime) -> Mapping[int, Mapping[DeliveryState, int]]:
    """The same per mailing, in two queries for all that were planned at `since` or later."""
    m, c, e = mailings.c, chunks.c, delivery_exceptions.c
    marks = connection.execute(
        select(
            m.id,
            OF_CANCELLED,
            func.sum(c.size - c.doubt_upto),
            func.sum(c.doubt_upto - c.sent_upto),
            func.sum(c.sent_upto),
        )
        .join_from(mailings, chunks, c.mailing_id == m.id)
        .where(m.planned_at >= since)
        .group_by(m.id, m.state)
    )
    counts = {
        mailing: {
            DeliveryState.CANCELLED if is_cancelled else DeliveryState.WAITING: waiting,
            DeliveryState.IN_DOUBT: doubt,
            DeliveryState.SENT: sent,
        }
        for mailing, is_cancelled, waiting, doubt, sent in marks
    }
    exceptions = connection.execute(
        select(m.id, EXCEPTION.label("of_state"), func.count())
        .join_from(mailings, delivery_exceptions, e.mailing_id == m.id)
        .where(m.planned_at >= since)
        .group_by(m.id, "of_state")
    )
    for mailing, state, number in exceptions:
        of_mailing = counts[mailing]
        of_mailing[DeliveryState.SENT] -= number
        of_mailing[DeliveryState(state)] = of_mailing.get(DeliveryState(state), 0) + number
    return {
        mailing: {state: number for state, number in states.items() if number} for mailing, states in counts.items()
    }


def find_mailings(
    connection: Connection,
    *,
    mailing: int | None = None,
    states: Collection[MailingState] = (),
    since: datetime | None = None,
    limit: int | None = 50,
    edition: int | None = None,
    before: int | None = None,
    empty: bool = True,
) -> list[Mailing]:
    of_one = mailings.outerjoin(editions, editions.c.id == mailings.c.edition_id)
    of_one = of_one.outerjoin(campaigns, campaigns.c.id == mailings.c.campaign_id)
    query = select(
        mailings,
        func.coalesce(editions.c.digest, campaigns.c.digest).label("digest"),
        editions.c.cadence,
        editions.c.occasion,
        campaigns.c.name,
    ).select_from(of_one)
    if mailing is not None:
        query = query.where(mailings.c.id == mailing)
    if states:
        query = query.where(mailings.c.state.in_([state.value for state in states]))
    if since is not None:
        query = query.where(mailings.c.planned_at >= since)
    if edition is not None:
        query = query.where(mailings.c.edition_id == edition)
    if before is not None:
        query = query.where(mailings.c.id < before)
    if not empty:
        query = query.where(mailings.c.recipients > 0)
    rows = connection.execute(query.order_by(mailings.c.id.desc()).limit(limit)).mappings()
    return [
        Mailing(
            id=row["id"],
            edition=row["edition_id"],
            digest=row["digest"],
            cadence=Cadence(row["cadence"]) if row["cadence"] else None,
            occasion=row["occasion"] or "",
            due_at=row["due_at"],
            state=MailingState(row["state"]),
            approval=row["approval"],
            recipients=row["recipients"],
            skipped_empty=row["skipped_empty"],
            correlation_id=row["correlation_id"],
            planned_at=row["planned_at"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            in_doubt=row["in_doubt"],
            changes=row["changes"],
            paused_at=row["paused_at"],
            rested_seconds=row["rested_seconds"],
            aged_at=row["aged_at"],
            campaign=OfCampaign(row["campaign_id"], row["name"]) if row["campaign_id"] else None,
        )
        for row in rows
    ]


def count_empty(connection: Connection, oldest: int) -> int:
    m = mailings.c
    query = select(func.count()).select_from(mailings).where(m.id >= oldest, m.recipients == 0)
    return connection.execute(query).scalar_one()


def find_chunks(connection: Connection, mailing: int) -> list[ChunkView]:
    rows = connection.execute(select(chunks).where(chunks.c.mailing_id == mailing).order_by(chunks.c.chunk)).mappings()
    return [
        ChunkView(
            chunk=row["chunk"],
            lane=row["lane"],
            domain_group=row["domain_group"],
            locale=row["locale"],
            state=row["state"],
            marks=Marks(row["size"], row["sent_upto"], row["doubt_upto"], row["handovers"]),
            epoch=row["epoch"],
            owner=row["owner"],
            lease_until=row["lease_until"],
            not_before=row["not_before"],
        )
        for row in rows
    ]
