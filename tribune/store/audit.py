"""The audit log in SQL. Implements tribune.ports.audit.Audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, or_, select

from tribune.domain.audit import FIRST, AuditEntry, AuditFilter, Facts, seal
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

    def entries(
        self, after: int | None = None, limit: int = 1_000, wanted: AuditFilter | None = None
    ) -> Iterator[AuditEntry]:
        rows = select(audit).where(*_where(wanted)).order_by(audit.c.number).limit(limit)
        if after is not None:
            rows = rows.where(audit.c.number > after)
        yield from map(_entry, self._connection.execute(rows))

    def newest(self, limit: int, wanted: AuditFilter | None = None, before: int | None = None) -> list[AuditEntry]:
        rows = select(audit).where(*_where(wanted)).order_by(audit.c.number.desc()).limit(limit)
        if before is not None:
            rows = rows.where(audit.c.number < before)
        return [_entry(row) for row in self._connection.execute(rows)]

    def actions(self) -> list[str]:
        return list(self._connection.scalars(select(audit.c.action).distinct().order_by(audit.c.action)))

    def head(self) -> AuditEntry | None:
        row = self._connection.execute(select(audit).order_by(audit.c.number.desc()).limit(1)).first()
        return _entry(row) if row is not None else None


def _where(wanted: AuditFilter | None) -> list[ColumnElement[bool]]:
    if wanted is None:
        return []
    found = []
    if wanted.actor:
        found.append(audit.c.actor == wanted.actor)
    if wanted.about:
        found.append(audit.c.about == wanted.about)
    if wanted.action:
        group = audit.c.action.startswith(f"{wanted.action}.", autoescape=True)
        found.append(or_(audit.c.action == wanted.action, group))
    if wanted.since is not None:
        found.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(audit.c.at < wanted.until)
    return found


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(**row._mapping)
