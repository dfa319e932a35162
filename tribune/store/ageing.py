"""Deleting what belongs to mailings that ended long ago. Implements tribune.ports.ageing.Ageing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Column, Connection, delete, select, update

from tribune.domain.mailings import DeliveryState
from tribune.store.tables import (
    at_once_served,
    chunks,
    deliveries,
    delivery_blocks,
    delivery_exceptions,
    mailings,
    signatures,
)

_m = mailings.c
_ALONG: tuple[Column[int], ...] = (
    deliveries.c.chunk,
    delivery_blocks.c.block,
    delivery_exceptions.c.chunk,
    at_once_served.c.subscriber_id,
    signatures.c.signature,
    chunks.c.chunk,
)
"""The tables with rows of mailings, each by the column that follows `mailing_id` in an index: rows go along it."""


class SqlAgeing:
    """Named queries over the ledger."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next(self, before: datetime) -> int | None:
        return self._connection.scalar(
            select(_m.id)
            .where(_m.aged_at.is_(None), _m.finished_at < before)
            .order_by(_m.aged_at, _m.finished_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )

    def keep_totals(self, mailing: int, totals: Mapping[str, Mapping[DeliveryState, int]]) -> None:
        told = {locale: {state.value: number for state, number in states.items()} for locale, states in totals.items()}
        self._connection.execute(update(mailings).where(_m.id == mailing, _m.totals.is_(None)).values(totals=told))

    def delete_rows(self, mailing: int, most: int) -> int:
        gone = 0
        for along in _ALONG:
            if gone < most:
                gone += self._delete(along, mailing, most - gone)
        return gone

    def _delete(self, along: Column[int], mailing: int, most: int) -> int:
        """The first rows of a mailing along a column, and those that stand at the same value as the last of them."""
        table = along.table
        of_mailing = table.c.mailing_id == mailing
        last = self._connection.scalar(select(along).where(of_mailing).order_by(along).limit(1).offset(most - 1))
        change = delete(table).where(of_mailing)
        if last is not None:
            change = change.where(along <= last)
        return self._connection.execute(change).rowcount

    def end(self, mailing: int, now: datetime) -> None:
        self._connection.execute(update(mailings).where(_m.id == mailing).values(aged_at=now))
