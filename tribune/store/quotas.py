"""Queries of quotas. Implements tribune.ports.quotas.Quotas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, text
from sqlalchemy.dialects import sqlite

from tribune.ports.quotas import Window
from tribune.store.tables import quotas

_c = quotas.c


class SqlQuotas:
    """Named queries over one table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, asked: Mapping[Window, int]) -> dict[Window, int]:
        if not asked:
            return {}
        # In one order, so that two processes never wait for each other in a ring.
        told = sorted(asked)
        if self._connection.dialect.name == "sqlite":
            rows = [{"who": who, "until": until, "asked": asked[who, until]} for who, until in told]
            return {
                key: self._connection.execute(_COUNT, row).scalar_one() for key, row in zip(told, rows, strict=True)
            }
        columns = {
            "who": [who for who, _ in told],
            "until": [until for _, until in told],
            "asked": [asked[window] for window in told],
        }
        return {(who, until): number for who, until, number in self._connection.execute(_COUNT_ALL, columns)}

    def forget_before(self, instant: datetime) -> int:
        return self._connection.execute(delete(quotas).where(_c.until < instant)).rowcount


_into = sqlite.insert(quotas)
_COUNT = _into.on_conflict_do_update(
    index_elements=[_c.who, _c.until], set_={"asked": _c.asked + _into.excluded.asked}
).returning(_c.asked)
_COUNT_ALL = text(
    "INSERT INTO quotas (who, until, asked)"
    " SELECT * FROM unnest(CAST(:who AS text[]), CAST(:until AS timestamptz[]), CAST(:asked AS integer[]))"
    " ON CONFLICT (who, until) DO UPDATE SET asked = quotas.asked + excluded.asked RETURNING who, until, asked"
)
"""One statement, the same however many windows there are."""
