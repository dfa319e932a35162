"""Staff bring a file, say what is in it and on which basis, and let it be checked, run or given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tribune.domain.errors import Conflict, NotFound
from tribune.domain.imports import Basis, BasisKind, ImportState
from tribune.ports.imports import ImportJob
from tribune.ports.store import Transaction
from tribune.services.audience.import_subscribers import Columns

_BEFORE = (ImportState.UPLOADED, ImportState.CHECKED)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is said about a file."""

    basis: Basis
    columns: Columns = field(default_factory=Columns)

    def to_json(self) -> dict[str, Any]:
        """As a job keeps it."""
        given = self.basis.given.isoformat() if self.basis.given else None
        columns = self.columns.told
        return {
            "columns": dict(columns) if isinstance(columns, Mapping) else list(columns),
            "defaults": dict(self.columns.defaults),
            "basis": {"kind": self.basis.kind.value, "source": self.basis.source, "given": given},
        }

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> Plan:
        """From what `to_json` gave."""
        told = kept["basis"]
        given = date.fromisoformat(told["given"]) if told["given"] else None
        columns = kept["columns"] if isinstance(kept["columns"], Mapping) else tuple(kept["columns"])
        return Plan(Basis(BasisKind(told["kind"]), told["source"], given), Columns(columns, kept["defaults"]))


def add_import(tx: Transaction, id: str, file_name: str, bytes: int, actor: str, now: datetime) -> ImportJob:
    """A file has been brought. Its name is kept, without what is in it."""
    name = "".join(c if c.isprintable() else "_" for c in file_name.replace("\\", "/").rpartition("/")[2])[:200]
    job = tx.imports.add(id, actor, name or "file.csv", bytes, now)
    tx.audit.add(actor, "import.uploaded", f"import/{id}", {"bytes": bytes}, now)
    return job


def find_import(tx: Transaction, id: str) -> ImportJob:
    """The job. Raises NotFound."""
    job = tx.imports.one(id) if len(id) == 32 else None
    if job is None:
        raise NotFound("There is no such import.")
    return job


def check_import(tx: Transaction, id: str, plan: Plan, actor: str, now: datetime) -> None:
    """Let the whole file be gone through without writing anything. Raises Conflict where it is being worked on."""
    _move(tx, id, _BEFORE, ImportState.CHECKING, now, plan=plan)
    tx.audit.add(actor, "import.checked", f"import/{id}", {"basis": plan.basis.kind.value}, now)


def run_import(tx: Transaction, id: str, actor: str, now: datetime) -> None:
    """Let a file that has been checked be taken in, as it was checked. Raises Conflict."""
    _move(tx, id, (ImportState.CHECKED,), ImportState.RUNNING, now)
    told = find_import(tx, id).plan["basis"]
    tx.audit.add(actor, "import.started", f"import/{id}", {"basis": told["kind"]}, now)


def cancel_import(tx: Transaction, id: str, actor: str, now: datetime) -> None:
    """Stop: what a run has stored stands, nothing more follows. Raises Conflict where it is over."""
    job = find_import(tx, id)
    to = ImportState.UPLOADED if job.state is ImportState.CHECKING else ImportState.CANCELLED
    _move(tx, id, (job.state,) if not job.state.over else (), to, now)
    tx.audit.add(actor, "import.cancelled", f"import/{id}", {"rows": job.done.rows}, now)


def _move(
    tx: Transaction,
    id: str,
    of: tuple[ImportState, ...],
    to: ImportState,
    now: datetime,
    plan: Plan | None = None,
) -> None:
    find_import(tx, id)
    afresh = to in (ImportState.CHECKING, ImportState.RUNNING)
    if not tx.imports.move(id, of, to, now, plan=plan.to_json() if plan else None, afresh=afresh):
        raise Conflict("This import has gone on meanwhile.", hint="Look at it again.")
