"""Check or run the import that has waited longest. A job that was in hand when its process died is taken over once its
lease has run out, and goes on after the last slice that was stored; its report is cut back to there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest
from tribune.domain.errors import TribuneError
from tribune.domain.imports import Import, ImportState
from tribune.ports.clock import Clock
from tribune.ports.imports import ImportJob
from tribune.ports.store import Store, Transaction
from tribune.services.audience.import_report import Report
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.imports.import_files import ImportFiles
from tribune.services.imports.plan_import import Plan

LEASE = timedelta(seconds=60)
"""Longer than any slice takes; it is renewed with each."""

_WORKS = (ImportState.CHECKING, ImportState.RUNNING)


class GivenUp(Exception):
    """The job was cancelled, is another worker's by now, or the process is to stop."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What working on imports needs."""

    store: Store
    clock: Clock
    files: ImportFiles
    digests: Mapping[str, Digest]
    codelists: Codelists
    reach_back: timedelta
    stop: Event


def work_on_import(worker: Worker) -> bool:
    """Work on one job to its end; whether there was one."""
    here = worker.files.here()
    if not here:
        return False
    with worker.store.write() as tx:
        job = tx.imports.claim(here, tx.now(), LEASE)
    if job is None:
        return False
    try:
        _work(worker, job)
    except GivenUp:
        return True
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("sqlalchemy", "psycopg"):
            raise  # the store is away: the job waits for it
        told = str(error) if isinstance(error, TribuneError) else f"{type(error).__name__}: see the log."
        with worker.store.write() as tx:
            reason = told.replace(str(worker.files.file(job.id)), job.file_name)
            tx.imports.move(job.id, _WORKS, ImportState.FAILED, worker.clock.now(), reason=reason)
        if not isinstance(error, TribuneError):
            raise
    return True


def _work(worker: Worker, job: ImportJob) -> None:
    dry, plan = job.state is ImportState.CHECKING, Plan.from_json(job.plan)

    def counted(rows: int) -> None:
        with worker.store.write() as tx:
            tx.imports.counted(job.id, job.epoch, rows, worker.clock.now())

    def note(tx: Transaction, done: Import, length: int) -> None:
        if worker.stop.is_set() or not tx.imports.settled(job.id, job.epoch, done, length, tx.now() + LEASE):
            raise GivenUp

    def settled(tx: Transaction, done: Import, length: int) -> None:
        if not dry:
            note(tx, done, length)
            return
        with worker.store.write() as own:  # a dry run only reads
            note(own, done, length)

    with Report(worker.files.report(job.id), job.report_length) as report:
        done = import_subscribers(
            worker.store,
            worker.clock,
            worker.files.file(job.id),
            worker.digests,
            worker.codelists,
            basis=plan.basis,
            by=job.by,
            columns=plan.columns,
            report=report,
            dry_run=dry,
            reach_back=worker.reach_back,
            so_far=job.done,
            surveyed=counted,
            settled=settled,
        )
    now = worker.clock.now()
    with worker.store.write() as tx:
        over = tx.imports.move(job.id, (job.state,), ImportState.CHECKED if dry else ImportState.DONE, now)
        if over and not dry:
            facts = {"added": done.added, "changed": done.changed, "refused": done.refused}
            tx.audit.add(job.by, "import.done", f"import/{job.id}", facts, now)
    if over and not dry:
        worker.files.remove(job.id, report=False)
