"""A worker that is killed in the middle of an import: the next one goes on, and nobody is lost or there twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.conftest import ROOT
from tests.integration.import_worker_process import house
from tribune.bootstrap import Application
from tribune.domain.imports import Basis, BasisKind, ImportState
from tribune.ports.imports import ImportJob
from tribune.services.imports.plan_import import Plan, add_import, check_import, find_import, run_import
from tribune.store.migrate import migrate
from tribune.store.tables import consents, marks, people, rhythms, subscribers, subscriptions

pytestmark = [pytest.mark.both_stores, pytest.mark.waits]

ROWS = 3_000
KILLS = 3
TABLES = (people, subscribers, subscriptions, rhythms, marks, consents)


def begun(app: Application) -> str:
    """A file of ROWS people, each tenth wrong, whose import has been asked for."""
    id, file = app.import_files.create()
    with file:
        file.write(b"address,name,languages,zone,cadence\n")
        for n in range(ROWS):
            address = f"p{n}@travail.example" if n % 10 else f"p{n}@"
            file.write(f"{address},Person {n},fr,Africa/Dakar,weekly\n".encode())
    now = app.clock.now()
    with app.store.write() as tx:
        add_import(tx, id, "people.csv", 1, "staff/1", now)
        check_import(tx, id, Plan(Basis(BasisKind.TRANSFER, "the former system")), "staff/1", now)
        tx.imports.move(id, (ImportState.CHECKING,), ImportState.CHECKED, now)
        run_import(tx, id, "staff/1", now)
    return id


def job(app: Application, id: str) -> ImportJob:
    with app.store.read() as tx:
        return find_import(tx, id)


def worker(url: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.import_worker_process", url, str(folder)], cwd=ROOT
    )


def wait_until_further(app: Application, id: str, process: subprocess.Popen[bytes]) -> None:
    """Until more has been settled than now, or the worker is done."""
    at, until = job(app, id).done.place, time.monotonic() + 60
    while job(app, id).done.place <= at and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)


def test_a_killed_import_goes_on_where_it_was(store_url: str, tmp_path: Path) -> None:
    app = house(store_url, tmp_path / "var")
    migrate(app.store.engine)
    id = begun(app)
    places = []
    for _ in range(KILLS):
        process = worker(store_url, tmp_path / "var")
        wait_until_further(app, id, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        places.append(job(app, id).done.place)
    assert 0 < places[0] < places[-1] < ROWS, places
    assert worker(store_url, tmp_path / "var").wait(timeout=90) == 0
    done = job(app, id)
    good = ROWS - ROWS // 10
    assert (done.state, done.done.rows, done.done.added, done.done.refused) == (
        ImportState.DONE,
        ROWS,
        good,
        ROWS // 10,
    )
    with app.store.read() as tx:
        counted = {table.name: tx.connection.scalar(select(func.count()).select_from(table)) for table in TABLES}
    assert counted == dict.fromkeys(counted, good)
    report = app.import_files.report(id).read_text(encoding="utf-8-sig").splitlines()[1:]
    numbers = Counter(line.partition(",")[0] for line in report)
    assert numbers == Counter(str(row) for row in range(2, ROWS + 2))
    app.close()
