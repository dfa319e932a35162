"""Beside the pages: works on the imports that staff have asked for, whose files stand where they were brought."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from tribune.bootstrap import Application
from tribune.failures import reason
from tribune.services.imports.remove_imports import remove_old_imports
from tribune.services.imports.work_on_import import work_on_import

LOOK_SECONDS = 1.0
REST_SECONDS = 10.0
SWEEP_SECONDS = 3600.0

log = structlog.get_logger()


def work(app: Application, stop: threading.Event, is_away: Callable[[Exception], bool]) -> None:
    """Until `stop`. What one import falls over ends that import only."""
    swept: float | None = None
    while not stop.is_set():
        wait = LOOK_SECONDS
        try:
            if swept is None or time.monotonic() - swept > SWEEP_SECONDS:
                keep = timedelta(days=app.settings.imports.keep_days)
                remove_old_imports(app.store, app.import_files, keep, app.clock.now())
                swept = time.monotonic()
            if work_on_import(app.import_worker):
                wait = 0.0
        except Exception as error:
            away = is_away(error)
            log.log(30 if away else 40, "an import could not go on", error=reason(error), store_away=away)
            wait = REST_SECONDS
        stop.wait(wait)
