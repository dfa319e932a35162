"""Files and reports of imports go: at once when staff say so, else after a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from tribune.domain.imports import ImportState
from tribune.ports.store import Store, Transaction
from tribune.services.imports.import_files import ImportFiles
from tribune.services.imports.plan_import import cancel_import, find_import

AT_ONCE = 100


def remove_import(tx: Transaction, files: ImportFiles, id: str, actor: str, now: datetime) -> None:
    """Delete the file and the report of a job; one that works is cancelled first. Raises NotFound."""
    job = find_import(tx, id)
    if job.state is ImportState.RUNNING:
        cancel_import(tx, id, actor, now)
    files.remove(id)
    tx.imports.remove(id, now)
    tx.audit.add(actor, "import.removed", f"import/{id}", {}, now)


def remove_old_imports(store: Store, files: ImportFiles, keep: timedelta, now: datetime) -> int:
    """Delete what has lain there for longer than `keep`, on this machine; of how many jobs."""
    with store.read() as tx:
        old = tx.imports.old(now - keep, AT_ONCE)
    for id in old:
        if not files.holds(id):
            continue  # they stand on another machine
        files.remove(id)
        with store.write() as tx:
            tx.imports.remove(id, now)
    return len(old)
