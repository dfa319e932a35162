"""Give the audit log out as JSON lines, with what it takes to check the chain elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tribune.domain.audit import AuditEntry, AuditFilter
from tribune.ports.store import Store, Transaction

SLICE = 1_000


def export_audit(tx: Transaction, wanted: AuditFilter | None = None) -> Iterator[str]:
    """One entry a line, the oldest first."""
    number: int | None = None
    while entries := list(tx.audit.entries(after=number, limit=SLICE, wanted=wanted)):
        yield from map(audit_line, entries)
        number = entries[-1].number


def export_in_slices(store: Store, wanted: AuditFilter | None = None) -> Iterator[str]:
    """The same for a slow reader: each slice is a short reading of its own (entries are only ever added)."""
    number: int | None = None
    while True:
        with store.read() as tx:
            entries = list(tx.audit.entries(after=number, limit=SLICE, wanted=wanted))
        if not entries:
            return
        yield "".join(map(audit_line, entries))
        number = entries[-1].number


def audit_line(entry: AuditEntry) -> str:
    """An entry as a line of JSON."""
    told = {
        "number": entry.number,
        "at": entry.at.isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "action": entry.action,
        "about": entry.about,
        "facts": dict(entry.facts),
        "before": entry.before,
        "seal": entry.seal,
    }
    return json.dumps(told, ensure_ascii=False) + "\n"
