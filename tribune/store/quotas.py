"""Queries of quotas. Implements tribune.ports.quotas.Quotas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql, sqlite

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
        into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(quotas)
        # In one order, so that two processes never wait for each other in a ring.
        rows = [{"who": who, "until": until, "asked": asked[who, until]} for who, until in sorted(asked)]
        told = self._connection.execute(
            into.values(rows)
            .on_conflict_do_update(index_elements=[_c.who, _c.until], set_={"asked": _c.asked + into.excluded.asked})
            .returning(_c.who, _c.until, _c.asked)
        )
        return {(who, until): number for who, until, number in told}

    def forget_before(self, instant: datetime) -> int:
        return self._connection.execute(delete(quotas).where(_c.until < instant)).rowcount
