"""Queries of import jobs. Implements tribune.ports.imports.Imports."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from tribune.domain.imports import Import, ImportState
from tribune.ports.imports import ImportJob
from tribune.store.tables import imports

_i = imports.c
_WORKS = [state.value for state in ImportState if state.works]
_PENDING = [s.value for s in (ImportState.UPLOADED, ImportState.CHECKED, ImportState.CHECKING, ImportState.RUNNING)]


class SqlImports:
    """Named queries over one table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, id: str, by: str, file_name: str, bytes: int, now: datetime) -> ImportJob:
        job = ImportJob(id, by, file_name, bytes, ImportState.UPLOADED, {}, Import(), 0, 0, "", now, now)
        self._connection.execute(
            insert(imports).values(
                id=id,
                acted_by=by,
                file_name=file_name,
                bytes=bytes,
                state=job.state.value,
                plan={},
                counts=job.done.counts(),
                report_length=0,
                rows=0,
                reason="",
                created_at=now,
                changed_at=now,
                epoch=0,
            )
        )
        return job

    def one(self, id: str) -> ImportJob | None:
        row = self._connection.execute(select(imports).where(_i.id == id)).one_or_none()
        return _job(row) if row else None

    def recent(self, limit: int) -> list[ImportJob]:
        rows = self._connection.execute(select(imports).order_by(_i.created_at.desc(), _i.id).limit(limit))
        return [_job(row) for row in rows]

    def move(
        self,
        id: str,
        of: Collection[ImportState],
        to: ImportState,
        now: datetime,
        *,
        plan: Mapping[str, Any] | None = None,
        reason: str = "",
        afresh: bool = False,
    ) -> bool:
        values: dict[str, Any] = {"state": to.value, "changed_at": now, "reason": reason[:500], "leased_until": None}
        values["epoch"] = _i.epoch + 1
        if plan is not None:
            values["plan"] = dict(plan)
        if afresh:
            values |= {"counts": Import().counts(), "report_length": 0}
        mine = (_i.id == id, _i.state.in_([state.value for state in of]), _i.removed_at.is_(None))
        return self._connection.execute(update(imports).where(*mine).values(values)).rowcount == 1

    def claim(self, here: Collection[str], now: datetime, lease: timedelta) -> ImportJob | None:
        free = or_(_i.leased_until.is_(None), _i.leased_until < now)
        waiting = select(_i.id).where(_i.state.in_(_WORKS), _i.id.in_(list(here)), free)
        id = self._connection.scalar(waiting.order_by(_i.created_at, _i.id).limit(1).with_for_update(skip_locked=True))
        if id is None:
            return None
        mine = update(imports).where(_i.id == id).values(epoch=_i.epoch + 1, leased_until=now + lease)
        self._connection.execute(mine)
        return self.one(id)

    def counted(self, id: str, epoch: int, rows: int, now: datetime) -> None:
        self._connection.execute(
            update(imports).where(_i.id == id, _i.epoch == epoch).values(rows=rows, changed_at=now)
        )

    def settled(self, id: str, epoch: int, done: Import, length: int, until: datetime) -> bool:
        mine = (_i.id == id, _i.epoch == epoch, _i.state.in_(_WORKS))
        values = {"counts": done.counts(), "report_length": length, "leased_until": until}
        return self._connection.execute(update(imports).where(*mine).values(values)).rowcount == 1

    def remove(self, id: str, now: datetime) -> None:
        self._connection.execute(
            update(imports)
            .where(_i.id == id, _i.state.in_(_PENDING))
            .values(state=ImportState.CANCELLED.value, changed_at=now, epoch=_i.epoch + 1)
        )
        self._connection.execute(update(imports).where(_i.id == id).values(removed_at=now))


def _job(row: Row[Any]) -> ImportJob:
    return ImportJob(
        id=row.id,
        by=row.acted_by,
        file_name=row.file_name,
        bytes=row.bytes,
        state=ImportState(row.state),
        plan=row.plan,
        done=Import.of_counts(row.counts),
        report_length=row.report_length,
        rows=row.rows,
        reason=row.reason,
        created_at=row.created_at,
        changed_at=row.changed_at,
        epoch=row.epoch,
        removed_at=row.removed_at,
    )
