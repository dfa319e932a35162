"""Files and reports of imports go: at once when staff say so, else after a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from tribune.domain.imports import ImportState
from tribune.ports.store import Store, Transaction
from tribune.services.imports.import_files import ImportFiles
from tribune.services.imports.plan_import import cancel_import, find_import

UNKNOWN_FOR = timedelta(days=1)
"""How long a file stays that no job knows: far longer than it takes to bring one."""


def remove_import(tx: Transaction, files: ImportFiles, id: str, actor: str, now: datetime) -> None:
    """Delete the file and the report of a job; one that works is cancelled first. Raises NotFound."""
    job = find_import(tx, id)
    if job.state is ImportState.RUNNING:
        cancel_import(tx, id, actor, now)
    files.remove(id)
    tx.imports.remove(id, now)
    tx.audit.add(actor, "import.removed", f"import/{id}", {}, now)


def remove_old_imports(store: Store, files: ImportFiles, keep: timedelta, now: datetime) -> int:
    """Delete what has lain on this machine for longer than `keep`, and after a day what no job knows (a process was
    killed while it took a file in, or was late with a report); of how many jobs or uploads."""
    gone = 0
    for id, touched in files.there().items():
        with store.read() as tx:
            job = tx.imports.one(id)
        if job is None or job.removed_at is not None:
            if touched < now - UNKNOWN_FOR:
                files.remove(id)
                gone += 1
        elif job.changed_at < now - keep and not job.state.works:
            files.remove(id)
            with store.write() as tx:
                tx.imports.remove(id, now)
            gone += 1
    return gone
