"""Watch every configured source: each is read when its `every_minutes` have passed."""

from __future__ import annotations

import threading

import structlog

from producers import feeds, ilostat, oai
from tribune.bootstrap import Application
from tribune.domain.errors import ConfigurationError

LOOK_SECONDS = 5.0
"""How often to look whether a source is due."""


def watch(app: Application, stop: threading.Event) -> None:
    """Read each source when it is due, until `stop` is set. What fails is logged and tried again later."""
    log = structlog.get_logger()
    while not stop.is_set():
        for door in (feeds, oai, ilostat):
            try:
                for _ in door.pull_due(app):
                    if stop.is_set():
                        return
            except ConfigurationError:
                raise
            except Exception as error:
                # The store itself is away: a single source's trouble is dealt with by `pull_due`.
                log.error("sources could not be read", kind=door.__name__, error=f"{type(error).__name__}: {error}")
        stop.wait(LOOK_SECONDS)
