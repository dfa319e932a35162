"""Queries of quotas. Implements tribune.ports.quotas.Quotas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, text
from sqlalchemy.dialects import sqlite

from tribune.ports.quotas import Counted, Window
from tribune.store.tables import quotas

_c = quotas.c


class SqlQuotas:
    """Named queries over one table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, asked: Mapping[Window, int]) -> dict[Window, Counted]:
        if not asked:
            return {}
        # In one order, so that two processes never wait for each other in a ring.
        told = sorted(asked)
        if self._connection.dialect.name == "sqlite":
            return {window: self._count(window, asked[window]) for window in told}
        columns = {
            "who": [window.who for window in told],
            "until": [window.until for window in told],
            "seconds": [int(window.within.total_seconds()) for window in told],
            "asked": [asked[window] for window in told],
        }
        counted = self._connection.execute(_COUNT_ALL, columns)
        return {told[place - 1]: Counted(number, before) for place, number, before in counted}

    def _count(self, window: Window, asked: int) -> Counted:
        who, until, within = window
        row = {"who": who, "until": until, "asked": asked, "whose": who, "ended": until - within}
        return Counted(*self._connection.execute(_COUNT, row).one())

    def forget_before(self, instant: datetime) -> int:
        return self._connection.execute(delete(quotas).where(_c.until < instant)).rowcount


_into = sqlite.insert(quotas)
_former = quotas.alias("former")
_before = select(_former.c.asked).where(
    _former.c.who == bindparam("whose"), _former.c.until == bindparam("ended", type_=_c.until.type)
)
_COUNT = _into.on_conflict_do_update(
    index_elements=[_c.who, _c.until], set_={"asked": _c.asked + _into.excluded.asked}
).returning(_c.asked, func.coalesce(_before.scalar_subquery(), 0))
_COUNT_ALL = text(
    "WITH told AS MATERIALIZED ("
    "SELECT * FROM unnest(CAST(:who AS text[]), CAST(:until AS timestamptz[]), CAST(:seconds AS integer[]),"
    " CAST(:asked AS integer[])) WITH ORDINALITY AS t (who, until, seconds, asked, place)),"
    " counted AS (INSERT INTO quotas (who, until, asked) SELECT who, until, asked FROM told"
    " ON CONFLICT (who, until) DO UPDATE SET asked = quotas.asked + excluded.asked RETURNING who, until, asked)"
    " SELECT t.place, c.asked, coalesce((SELECT p.asked FROM quotas p"
    " WHERE p.who = t.who AND p.until = t.until - make_interval(secs => t.seconds)), 0)"
    " FROM counted c JOIN told t ON t.who = c.who AND t.until = c.until"
)
"""One statement, the same however many windows there are."""
