"""What time brings back of the ledger: chunks and later attempts that waited long enough, and those of dead senders."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, exists, or_, select, update

from tribune.domain.mailings import ChunkState, DeliveryState, Lane, MailingState
from tribune.domain.sending import WATCH
from tribune.store.ledger_moves import LEAVING, may_leave
from tribune.store.tables import chunks, delivery_exceptions, mailings


def wake_chunks(connection: Connection, now: datetime, lane: Lane, limit: int) -> list[tuple[int, int]]:
    """Chunks that rested enough, and those of dead senders (their epoch rises: a stalled one is fenced); also
    those whose event did not come to anything in all the time of a watch."""
    c, m = chunks.c, mailings.c
    since = exists().where(m.id == c.mailing_id, m.planned_at <= now - WATCH)
    unheard = and_(c.not_before.is_(None), or_(c.lease_until <= now, and_(c.lease_until.is_(None), since)))
    rested = and_(c.state == ChunkState.READY.value, or_(c.not_before <= now, unheard))
    left = and_(c.state == ChunkState.SENDING.value, c.lease_until <= now)
    rows = connection.execute(
        select(c.mailing_id, c.chunk)
        .where(or_(rested, left), c.lane == lane.value, may_leave(c.mailing_id, LEAVING))
        .order_by(c.mailing_id, c.chunk)
        .limit(limit)
        .with_for_update(skip_locked=True, of=chunks)  # what another scheduler wakes, or a sender moves, is theirs
    ).all()
    woken = []
    for mailing, chunk in rows:
        change = (
            update(chunks)
            .where(c.mailing_id == mailing, c.chunk == chunk, or_(rested, left))
            .values(
                state=ChunkState.READY.value,
                epoch=c.epoch + 1,
                owner=None,
                lease_until=now + WATCH,
                not_before=None,
            )
        )
        if connection.execute(change).rowcount == 1:
            woken.append((mailing, chunk))
    return woken


def wake_retries(connection: Connection, now: datetime, limit: int) -> list[tuple[int, int]]:
    """Retries that are due, and those of dead senders. Without a time they wait for their event, for a watch."""
    e = delivery_exceptions.c
    due = and_(
        e.state.in_((DeliveryState.RETRY.value, DeliveryState.IN_DOUBT.value)),
        or_(e.next_attempt_at <= now, and_(e.next_attempt_at.is_(None), e.changed_at <= now - WATCH)),
        may_leave(e.mailing_id, (*LEAVING, MailingState.FINISHED.value)),
    )
    rows = connection.execute(
        select(e.mailing_id, e.chunk).where(due).distinct().order_by(e.mailing_id, e.chunk).limit(limit)
    ).all()
    woken = []
    for mailing, chunk in rows:
        change = (
            update(delivery_exceptions)
            .where(e.mailing_id == mailing, e.chunk == chunk, due)
            .values(state=DeliveryState.RETRY.value, next_attempt_at=None, changed_at=now)
        )
        if connection.execute(change).rowcount:
            woken.append((mailing, chunk))
    return woken
