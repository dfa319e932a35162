"""Watch every configured source: each is read when its `every_minutes` have passed. A failing source never stops others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

import structlog

from tribune.bootstrap import Application
from tribune.domain.errors import TribuneError

LOOK_SECONDS = 5.0
"""How often to look whether a source is due."""


def sources(app: Application) -> Iterator[tuple[str, timedelta, Callable[[], object]]]:
    """Each configured source: its id, how often it is read, and the call that reads and publishes it."""
    from producers import feeds, ilostat, oai

    told = app.settings.sources
    for kind, configured, door in (("feeds", told.feeds, feeds), ("oai", told.oai, oai), ("ilostat", told.ilostat, ilostat)):
        for name, source in configured.items():
            yield f"{kind}/{name}", timedelta(minutes=source.every_minutes), partial(door.pull, app, name)


def watch(app: Application, stop: threading.Event) -> None:
    """Read each source when it is due, until `stop` is set."""
    due: dict[str, datetime] = {}
    while not stop.is_set():
        for name, every, pull in sources(app):
            if stop.is_set() or app.clock.now() < due.get(name, app.clock.now()):
                continue
            due[name] = app.clock.now() + every
            try:
                pull()
            except TribuneError as error:
                structlog.get_logger().warning("a source could not be read", source=name, error=str(error))
            except Exception:
                structlog.get_logger().exception("a source could not be read", source=name)
        stop.wait(LOOK_SECONDS)
