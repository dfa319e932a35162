"""The audit log. Reached as `tx.audit`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from tribune.domain.audit import AuditEntry, AuditFilter, Facts


class Audit(Protocol):
    """Append-only. Numbers and seals are given in order of commit."""

    def add(self, actor: str, action: str, about: str, facts: Facts, now: datetime) -> AuditEntry:
        """Write down what is done in this unit of work. Call it last: others who write wait from here to its end."""
        ...

    def entries(
        self, after: int | None = None, limit: int = 1_000, wanted: AuditFilter | None = None
    ) -> Iterator[AuditEntry]:
        """Entries in order, after a number; None: from whichever comes first."""
        ...

    def newest(self, limit: int, wanted: AuditFilter | None = None, before: int | None = None) -> list[AuditEntry]:
        """Entries, the newest first, those before a number."""
        ...

    def actions(self) -> list[str]:
        """Every action that is in it, by name."""
        ...

    def head(self) -> AuditEntry | None:
        """The newest entry."""
        ...
