"""A worker on imports as a process of its own, which a test kills: `python -m tests.integration.import_worker_process
URL FOLDER`. Small slices, a short lease, and a rest after each slice so that the kill comes in the middle."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.services.audience import import_subscribers as importing
from tribune.services.audience.settle_import import Slice, settle
from tribune.services.imports import work_on_import as working
from tribune.store.engine import SqlStore, open_engine
from tribune.store.outbox import SqlOutbox

REST = 0.02


def house(url: str, folder: Path) -> Application:
    """Tribune over a store; events stay in the outbox."""
    digests = {"letter": {"names": {"en": "Letter"}, "sender": "letter@observatory.example"}}
    app = Application(Settings.model_validate({"data_dir": folder, "store": {"url": url}, "digests": digests}))
    if url.startswith("postgresql"):
        app.store = SqlStore(open_engine(url), app.clock, SqlOutbox, app.find_suppression_hash)
    return app


def settle_and_rest(*told: object) -> Slice:
    """A slice that takes its time."""
    found = settle(*told)  # type: ignore[arg-type]
    time.sleep(REST)
    return found


def main(url: str, folder: Path) -> None:
    """Work on what waits, once there is something."""
    importing.MOST_AT_ONCE = importing.READ_AT_ONCE = 50
    importing.settle = settle_and_rest  # type: ignore[assignment, attr-defined]
    working.LEASE = timedelta(seconds=2)
    app = house(url, folder)
    until = time.monotonic() + 60
    while not working.work_on_import(app.import_worker) and time.monotonic() < until:
        time.sleep(0.1)
    app.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
