"""Run the doors of one process side by side: consumers, scheduler, producers as threads, the web on top."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import structlog

from tribune.bootstrap import Application

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
    stop = app.stopping
    warm(app)
    threads = [
        threading.Thread(target=run, args=(consumer, app, stop), name=f"consumer {consumer.group}")
        for consumer in all_consumers(app)
    ]
    if watching:
        threads.append(threading.Thread(target=watch, args=(app, stop), name="producers"))
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

    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
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
        ticking.stop()
        for thread in threads:
            thread.join(DRAIN_SECONDS)
            if thread.is_alive():
                structlog.get_logger().warning("still at work when the time was up", part=thread.name)


def warm(app: Application) -> None:
    """Build the shared parts before threads ask for them at the same moment."""
    for part in ("store", "log", "codelists", "translations", "composer", "email", "reader_links", "metrics"):
        getattr(app, part)
