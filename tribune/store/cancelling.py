"""Cancelled mailings in SQL: set work over the marks of chunks. Implements tribune.ports.cancelling.Cancelling."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.audience import Cadence, Status
from tribune.domain.mailings import ChunkState, DeliveryState, Mailing, MailingState
from tribune.store.bulk import insert_rows
from tribune.store.ledger_views import CERTAINLY_LEFT_BEHIND, delivery_states
from tribune.store.tables import (
    at_once_served,
    carry_overs,
    chunks,
    deliveries,
    delivery_exceptions,
    mailings,
    rhythms,
    subscribers,
    suppressions,
)

REASON = "cancelled"

_items = Table(
    "cancelled_items",
    MetaData(),
    Column("signature", Integer, primary_key=True, autoincrement=False),
    Column("item_id", Integer, primary_key=True, autoincrement=False),
    Column("language", String(20)),
)
_people = Table(
    "cancelled_people",
    MetaData(),
    Column("subscriber_id", Integer, primary_key=True, autoincrement=False),
    Column("signature", Integer),
    Column("cadence", String(10)),
)
_SCRATCH = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS cancelled_items"
    " (signature INTEGER, item_id INTEGER, language VARCHAR(20), PRIMARY KEY (signature, item_id))",
    "CREATE TEMPORARY TABLE IF NOT EXISTS cancelled_people"
    " (subscriber_id INTEGER PRIMARY KEY, signature INTEGER, cadence VARCHAR(10))",
)
_NEVER_LEFT = or_(
    and_(delivery_exceptions.c.state.is_(None), deliveries.c.place >= chunks.c.doubt_upto), CERTAINLY_LEFT_BEHIND
)


class SqlCancelling:
    """Named queries over the ledger and what waits for people."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def unmailed(self, mailing: int) -> int:
        waiting = select(func.coalesce(func.sum(chunks.c.size - chunks.c.doubt_upto), 0))
        left_behind = select(func.count()).select_from(delivery_exceptions).where(CERTAINLY_LEFT_BEHIND)
        return int(self._connection.scalar(waiting.where(chunks.c.mailing_id == mailing)) or 0) + int(
            self._connection.scalar(left_behind.where(delivery_exceptions.c.mailing_id == mailing)) or 0
        )

    def unfinished(self, limit: int = 20) -> list[int]:
        m = mailings.c
        return list(
            self._connection.scalars(
                select(m.id)
                .where(m.state == MailingState.CANCELLED.value, m.finished_at.is_(None))
                .order_by(m.id)
                .limit(limit)
            )
        )

    def closable(self, mailing: int, now: datetime, limit: int) -> list[int]:
        c, e = chunks.c, delivery_exceptions.c
        at_work = and_(c.state == ChunkState.SENDING.value, c.lease_until > now)
        retried = exists().where(
            e.mailing_id == c.mailing_id,
            e.chunk == c.chunk,
            e.state == DeliveryState.IN_DOUBT.value,
            e.next_attempt_at > now,
        )
        idle = select(c.chunk).where(c.mailing_id == mailing, c.state != ChunkState.CLOSED.value, ~at_work, ~retried)
        locked = list(self._connection.scalars(idle.order_by(c.chunk).limit(limit).with_for_update()))
        # Once more: a retry that was claimed while the lock was waited for is not in the first question's snapshot.
        return list(self._connection.scalars(idle.where(c.chunk.in_(locked)).order_by(c.chunk)))

    def held(self, mailing: int) -> int:
        not_closed = select(func.count()).select_from(chunks)
        not_closed = not_closed.where(chunks.c.mailing_id == mailing, chunks.c.state != ChunkState.CLOSED.value)
        return int(self._connection.scalar(not_closed) or 0)

    def signatures(self, mailing: int, chunks_: Collection[int]) -> set[int]:
        return set(self._connection.scalars(_left(mailing, chunks_, deliveries.c.signature).distinct()))

    def carry_over(self, mailing: Mailing, chunks_: Collection[int], items: Iterable[tuple[int, int, str]]) -> int:
        if mailing.cadence is Cadence.AT_ONCE:
            left = _left(mailing.id, chunks_, deliveries.c.subscriber_id)
            self._connection.execute(
                delete(at_once_served).where(
                    at_once_served.c.mailing_id == mailing.id, at_once_served.c.subscriber_id.in_(left)
                )
            )
        # In tables of their own, each with its key: as one statement the planner may walk everything for everybody.
        for statement in _SCRATCH:
            self._connection.exec_driver_sql(statement)
        self._connection.execute(delete(_items))
        self._connection.execute(delete(_people))
        insert_rows(self._connection, _items, ["signature", "item_id", "language"], items)
        who = _who_may_have_it(mailing, chunks_).subquery()
        told = select(who.c.subscriber_id, who.c.signature, who.c.cadence).where(who.c.cadence.is_not(None))
        self._connection.execute(insert(_people).from_select(["subscriber_id", "signature", "cadence"], told))
        carried = (
            select(
                _people.c.subscriber_id,
                literal(mailing.digest),
                _people.c.cadence,
                _items.c.item_id,
                _items.c.language,
                literal(REASON),
            )
            .join(_items, _items.c.signature == _people.c.signature)
            .where(_people.c.cadence.is_not(None))
        )
        into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(carry_overs)
        columns = ["subscriber_id", "digest", "cadence", "item_id", "language", "reason"]
        self._connection.execute(into.from_select(columns, carried).on_conflict_do_nothing())
        return int(self._connection.scalar(select(func.count()).select_from(_people)) or 0)

    def close(self, mailing: int, chunks_: Collection[int], now: datetime) -> None:
        c, e = chunks.c, delivery_exceptions.c
        self._connection.execute(
            update(chunks)
            .where(c.mailing_id == mailing, c.chunk.in_(chunks_))
            .values(state=ChunkState.CLOSED.value, epoch=c.epoch + 1, owner=None, lease_until=None, not_before=None)
        )
        of_chunks = (e.mailing_id == mailing, e.chunk.in_(chunks_))
        self._connection.execute(
            update(delivery_exceptions)
            .where(*of_chunks, e.state == DeliveryState.RETRY.value, e.next_attempt_at.is_not(None))
            .values(next_attempt_at=None)
        )
        # A retry that a dead sender holds: one attempt more fences it, should it not be dead.
        self._connection.execute(
            update(delivery_exceptions)
            .where(*of_chunks, e.state == DeliveryState.IN_DOUBT.value, e.next_attempt_at.is_not(None))
            .values(next_attempt_at=None, attempts=e.attempts + 1, changed_at=now)
        )

    def end(self, mailing: int, now: datetime) -> bool:
        m, c = mailings.c, chunks.c
        not_closed = exists().where(c.mailing_id == mailing, c.state != ChunkState.CLOSED.value)
        change = (
            update(mailings)
            .where(m.id == mailing, m.state == MailingState.CANCELLED.value, m.finished_at.is_(None), ~not_closed)
            .values(finished_at=now)
        )
        return self._connection.execute(change).rowcount == 1


def _left(mailing: int, chunks_: Collection[int], *columns: Any) -> Select[Any]:
    """Deliveries in these chunks that never left."""
    return (
        delivery_states()
        .with_only_columns(*columns)
        .where(deliveries.c.mailing_id == mailing, deliveries.c.chunk.in_(chunks_), _NEVER_LEFT)
    )


def _who_may_have_it(mailing: Mailing, chunks_: Collection[int]) -> Select[Any]:
    """(subscriber, signature, cadence in which it comes; NULL where in none)."""
    r = rhythms.c
    assert mailing.cadence is not None  # noqa: S101 - of a campaign nothing is carried over
    nearest = {cadence.value: cadence.rank for cadence in Cadence} | {mailing.cadence.value: -1}
    cadence = (
        select(r.cadence)
        .where(r.subscriber_id == deliveries.c.subscriber_id, r.digest == mailing.digest, r.stopped_at.is_(None))
        .order_by(case(nearest, value=r.cadence))
        .limit(1)
        .scalar_subquery()
    )
    suppressed = select(suppressions.c.subscriber_id).where(suppressions.c.subscriber_id.is_not(None))
    return (
        _left(mailing.id, chunks_, deliveries.c.subscriber_id, deliveries.c.signature, cadence.label("cadence"))
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(subscribers.c.status == Status.ACTIVE.value, deliveries.c.subscriber_id.not_in(suppressed))
    )
