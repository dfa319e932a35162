"""The audit log in SQL. Implements tribune.ports.audit.Audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from tribune.domain.audit import FIRST, AuditEntry, Facts, seal
from tribune.store.counters import take_numbers
from tribune.store.tables import audit


class SqlAudit:
    """Rows of the table `audit`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, actor: str, action: str, about: str, facts: Facts, now: datetime) -> AuditEntry:
        # The counter's row is locked until the commit: so entries form one chain, whoever writes.
        number = take_numbers(self._connection, "audit", 1)
        last = self._connection.scalar(select(audit.c.seal).where(audit.c.number == number - 1)) or FIRST
        entry = AuditEntry(
            *(number, now, actor, action, about, dict(facts), last),
            seal=seal(last, number, now, actor, action, about, facts),
        )
        values = {name: getattr(entry, name) for name in audit.c.keys()}  # noqa: SIM118 - columns, not a dict
        self._connection.execute(insert(audit), values)
        return entry

    def entries(self, after: int = 0, limit: int = 1_000) -> Iterator[AuditEntry]:
        rows = select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(limit)
        yield from map(_entry, self._connection.execute(rows))

    def head(self) -> AuditEntry | None:
        row = self._connection.execute(select(audit).order_by(audit.c.number.desc()).limit(1)).first()
        return _entry(row) if row is not None else None


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(**row._mapping)
