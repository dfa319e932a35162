"""Jobs of import: one for each file that staff have brought. Reached as `tx.imports`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from tribune.domain.imports import Import, ImportState


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A job. `id` is random, 32 hexadecimal digits. `by`: who brought the file, as the audit log names them. `plan`:
    columns, defaults and basis, as JSON. `rows`: how many the file has (0: not counted yet). `reason`: why it failed.
    `epoch`: whose turn it is; a worker that is late finds another one there. `removed_at`: file and report are gone."""

    id: str
    by: str
    file_name: str
    bytes: int
    state: ImportState
    plan: Mapping[str, Any]
    done: Import
    report_length: int
    rows: int
    reason: str
    created_at: datetime
    changed_at: datetime
    epoch: int = 0
    removed_at: datetime | None = None


class Imports(Protocol):
    """The rows of jobs. Changes of state are conditional on the state before."""

    def add(self, id: str, by: str, file_name: str, bytes: int, now: datetime) -> ImportJob: ...

    def one(self, id: str) -> ImportJob | None: ...

    def recent(self, limit: int) -> list[ImportJob]:
        """The newest first."""
        ...

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
        """Change the state of a job that is in one of those; `afresh`: its counts begin anew. Whether it was."""
        ...

    def claim(self, here: Collection[str], now: datetime, lease: timedelta) -> ImportJob | None:
        """The oldest job that works, is among those, and nobody has in hand; it is the caller's for so long."""
        ...

    def counted(self, id: str, epoch: int, rows: int, now: datetime) -> None:
        """Remember how many rows the file has."""
        ...

    def settled(self, id: str, epoch: int, done: Import, length: int, until: datetime) -> bool:
        """Remember how far a job has come, in the unit of work that settled it. False where it is no longer the
        caller's, or was cancelled."""
        ...

    def remove(self, id: str, now: datetime) -> None:
        """File and report are gone; a job that was not run yet is cancelled."""
        ...
