"""Run the doors of one process side by side: consumers, scheduler, producers as threads, the web on top."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType

import structlog

from tribune.bootstrap import Application
from tribune.domain.errors import TribuneError

DRAIN_SECONDS = 25.0
"""How long a stop waits for what is in flight: under the 30 s that process managers grant before they kill."""


def free_port(host: str, port: int, tries: int = 100) -> socket.socket:
    """A socket listening on `port`, or on the next free one, which is said; port 0 takes any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + tries, 65535) + 1):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen(128)
        except OSError:
            listening.close()
            continue
        if port and candidate != port:
            print(f"Port {port} is taken; using {candidate}.", flush=True)
        return listening
    raise OSError(f"no free port from {port} to {port + tries} on {host}")


def address_of(listening: socket.socket) -> str:
    """The http address of a listening socket."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


def run_house(
    app: Application, listening: socket.socket, ready: Callable[[str], None], *, watching: bool = True
) -> None:
    """Run everything until SIGINT or SIGTERM, then let each part finish what it has in hand.

    `watching` False leaves the sources alone.
    """
    import uvicorn

    import scheduler
    from consumers import all_consumers
    from consumers.loop import run
    from producers.watch import watch
    from web.app import create_app

    stop = app.stopping
    failed: list[str] = []
    app.address = address_of(listening).rstrip("/")
    warm(app)
    parts = {f"consumer {consumer.group}": partial(run, consumer, app, stop) for consumer in all_consumers(app)}
    if watching:
        parts["producers"] = partial(watch, app, stop)

    def attend(name: str, part: Callable[[], None]) -> None:
        """A part that cannot go on takes the process with it: better restarted than half alive."""
        try:
            part()
        except Exception as error:
            failed.append(f"{name}: {error}")
            server.should_exit = True

    threads = [threading.Thread(target=attend, args=told, name=told[0], daemon=True) for told in parts.items()]
    ticking = scheduler.build(app)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(app),
            log_config=None,
            access_log=False,  # addresses of pages carry tokens
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
    )

    def leave(_: int, __: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    for thread in threads:
        thread.start()
    ticking.start()
    ready(address_of(listening))
    try:
        server.run(sockets=[listening])
    finally:
        stop.set()
        threads.append(threading.Thread(target=ticking.stop, name="scheduler", daemon=True))
        threads[-1].start()
        _join(threads)
    if failed:
        raise TribuneError(f"Tribune stopped, because a part of it could not go on. {'; '.join(failed)}")


def _join(threads: Sequence[threading.Thread]) -> None:
    """Wait for all of them, DRAIN_SECONDS in all. Whoever is still at work then is left: every step commits whole."""
    until = time.monotonic() + DRAIN_SECONDS
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0.0))
    late = [thread.name for thread in threads if thread.is_alive()]
    if late:
        structlog.get_logger().warning("still at work when the time was up", parts=late)
        sys.stdout.flush()
        os._exit(0)


def warm(app: Application) -> None:
    """Build the shared parts before threads ask for them at the same moment."""
    for part in ("store", "log", "codelists", "translations", "composer", "email", "reader_links", "metrics"):
        getattr(app, part)
    app.notice_composer.warm(app.settings.organisation.languages, app.digests.values())
