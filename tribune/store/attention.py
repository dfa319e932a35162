"""What needs a person, in SQL. Implements tribune.ports.attention.Attention."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, literal_column, or_, select, tuple_, union_all

from tribune.domain.mailings import ChunkState, DeliveryState, MailingState
from tribune.ports.attention import Rest
from tribune.ports.ledger import DeliveryView
from tribune.store.ledger_moves import LEAVING
from tribune.store.ledger_views import OF_CANCELLED, delivery_states, shown
from tribune.store.tables import chunks, deliveries, delivery_exceptions, mailings, throttles

_c, _d, _e, _m = chunks.c, deliveries.c, delivery_exceptions.c, mailings.c

# Written out, not bound: a partial index serves only where its condition stands in the statement.
_HELD = _e.state == literal_column(f"'{DeliveryState.QUARANTINED.value}'")


def _places(mailing: int | None) -> Select[Any]:
    """Mailing, chunk and place of each: no row stands in two of the three parts, for a chunk's doubt lies above its
    mark and its exceptions below."""
    held = (
        select(_e.mailing_id, _e.chunk, _e.place)
        .join_from(delivery_exceptions, mailings, _m.id == _e.mailing_id)
        .where(_HELD, or_(_m.state != MailingState.CANCELLED.value, _e.handovers > 0))
    )
    retried = (
        select(_e.mailing_id, _e.chunk, _e.place)
        .join_from(mailings, delivery_exceptions, _m.id == _e.mailing_id)
        .where(OF_CANCELLED, _e.state.in_((DeliveryState.RETRY.value, DeliveryState.IN_DOUBT.value)))
        .where(or_(_e.state == DeliveryState.IN_DOUBT.value, _e.handovers > 0))
    )
    first = (
        select(_d.mailing_id, _d.chunk, _d.place)
        .select_from(
            mailings.join(chunks, _c.mailing_id == _m.id).join(
                deliveries, and_(_d.mailing_id == _c.mailing_id, _d.chunk == _c.chunk)
            )
        )
        .where(OF_CANCELLED, _c.sent_upto < _c.doubt_upto, _d.place >= _c.sent_upto, _d.place < _c.doubt_upto)
    )
    parts = [part if mailing is None else part.where(_m.id == mailing) for part in (held, retried, first)]
    return select(union_all(*parts).subquery("places"))


class SqlAttention:
    """Reads only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def held_back(self, mailing: int | None = None, *, limit: int) -> list[DeliveryView]:
        places = _places(mailing)
        at = places.selected_columns
        first = places.order_by(at.mailing_id.desc(), at.chunk, at.place).limit(limit)
        query = delivery_states().where(tuple_(_d.mailing_id, _d.chunk, _d.place).in_(first))
        return shown(self._connection, query.order_by(_d.mailing_id.desc(), _d.chunk, _d.place))

    def count_held_back(self, mailing: int | None = None) -> int:
        places = _places(mailing).subquery()
        return self._connection.execute(select(func.count()).select_from(places)).scalar_one()

    def to_be_decided(self) -> int:
        query = (
            select(func.count())
            .join_from(delivery_exceptions, mailings, _m.id == _e.mailing_id)
            .where(_HELD, _m.state != MailingState.CANCELLED.value)
        )
        return self._connection.execute(query).scalar_one()

    def longest_unsent(self, now: datetime) -> float:
        unsent = exists().where(
            _c.mailing_id == _m.id, _c.state.in_((ChunkState.READY.value, ChunkState.SENDING.value))
        )
        rows = self._connection.execute(
            select(_m.due_at, _m.planned_at, _m.started_at, _m.rested_seconds).where(_m.state.in_(LEAVING), unsent)
        )
        # Approved and not begun: since it could have.
        ages = [
            now - (started or max(due, planned)) - timedelta(seconds=rested if started else 0)
            for due, planned, started, rested in rows
        ]
        return max((max(age, timedelta()) for age in ages), default=timedelta()).total_seconds()

    def resting_channels(self, now: datetime) -> list[Rest]:
        t = throttles.c
        query = select(t.channel, t.domain_group, t.rest_until).where(t.rest_until > now)
        return [Rest(*row) for row in self._connection.execute(query)]

    def resting_lanes(self, now: datetime) -> list[Rest]:
        query = (
            select(_c.lane, _c.domain_group, func.max(_c.not_before, type_=_c.not_before.type))
            .where(_c.state == ChunkState.READY.value, _c.not_before > now)
            .group_by(_c.lane, _c.domain_group)
        )
        return [Rest(*row) for row in self._connection.execute(query)]
