"""Run the parts of one process side by side, as threads, and the server in front, until a signal or a failure."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING

import structlog

from tribune.bootstrap import Application
from tribune.collector import spare_what_stays
from tribune.commands._parts import CONSUMER, Part, Role, parts_of, patiently
from tribune.domain.errors import TribuneError

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

PAGES_SECONDS, DRAIN_SECONDS = 5, 25.0
"""How long a stop waits for pages that are being read, and then for what is in flight. Let a process manager grant more
than both together before it kills: 40 s."""

EVERYTHING = frozenset(Role)


def listen_on(host: str, port: int) -> socket.socket:
    """A socket listening on this very port; 0 takes any. Raises TribuneError where it cannot be had: whoever asks there
    (a proxy, a probe) would find nobody, or somebody else, on another."""
    try:
        return _listening(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise TribuneError(
                f"Port {port} on {host} is taken: another process listens there.",
                hint="Stop that one, or name another port; 0 takes any that is free.",
            ) from None
        reason = error.strerror or str(error)
        raise TribuneError(f"Nothing can listen on port {port} of {host}: {reason}.") from None


def free_port(host: str, port: int, tries: int = 100) -> socket.socket:
    """A socket listening on `port`, or on the next free one, which is said; port 0 takes any."""
    for candidate in range(port, min(port + tries, 65535) + 1):
        try:
            listening = _listening(host, candidate)
        except OSError:
            continue
        if port and candidate != port:
            print(f"Port {port} is taken; using {candidate}.", flush=True)
        return listening
    raise OSError(f"no free port from {port} to {port + tries} on {host}")


def _listening(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def address_of(listening: socket.socket) -> str:
    """The http address of a listening socket."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


def run_house(
    app: Application,
    listening: socket.socket | None,
    ready: Callable[[str], None],
    *,
    roles: Collection[Role] = EVERYTHING,
) -> None:
    """Run these roles until SIGINT or SIGTERM, then let each part finish what it has in hand.

    `listening` gets the site, or where no role is the web, health and figures; None: nothing is served. `ready` is
    called with the address once store and log are in shape. Raises TribuneError where a part could not go on.
    """
    parts = {name: part for role in roles for name, part in parts_of(app, role).items()}
    if listening is not None and Role.WEB in roles:
        app.address = address_of(listening).rstrip("/")
    warm(app)
    process = _Process(app, parts)
    server = _server(app, process, site=Role.WEB in roles) if listening is not None else None
    process.run(server, listening, ready)


class _Process:
    """The threads of this process. The first brings store and log into shape, then starts the others."""

    def __init__(self, app: Application, parts: Mapping[str, Part]) -> None:
        self._app = app
        self._threads = {
            name: threading.Thread(target=self._attend, args=(name, part), name=name, daemon=True)
            for name, part in parts.items()
        }
        self._prepared = threading.Event()
        self._leaving = threading.Event()
        self._failed: list[str] = []
        self._server: uvicorn.Server | None = None

    def health(self) -> Mapping[str, str]:
        """The parts and how each is, for `/healthz`."""
        if not self._prepared.is_set():
            return {"start": "waits for the store and the log"}
        interruptions = self._app.interruptions
        return {
            name: interruptions.how_is(name.removeprefix(CONSUMER)) if thread.is_alive() else "stopped"
            for name, thread in self._threads.items()
        }

    def run(self, server: uvicorn.Server | None, listening: socket.socket | None, ready: Callable[[str], None]) -> None:
        """Work until told to leave, drain, and raise TribuneError where a part failed."""
        self._server = server
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._told_to_leave)

        def begin() -> None:
            if not patiently(self._app, "start", self._prepare):
                return
            spare_what_stays()
            for thread in self._threads.values():
                thread.start()
            self._prepared.set()
            ready(address_of(listening) if listening is not None else "")

        first = threading.Thread(target=self._watch_over, args=("start", begin), name="start", daemon=True)
        first.start()
        try:
            if server is not None and listening is not None:
                server.run(sockets=[listening])
            else:
                self._leaving.wait()
        finally:
            self._app.stopping.set()
            self._join([first, *self._threads.values()])
        if self._failed:
            raise TribuneError(f"Tribune stopped, because a part of it could not go on. {'; '.join(self._failed)}")

    def _prepare(self) -> bool:
        self._app.prepare()
        return True

    def _attend(self, name: str, part: Part) -> None:
        """A part that ends unasked is as bad as one that fails: better restarted than half alive."""
        self._watch_over(name, part)
        if not self._app.stopping.is_set() and not self._failed:
            self._failed.append(f"{name}: it ended by itself")
            self._leave()

    def _watch_over(self, name: str, part: Part) -> None:
        """A part that cannot go on takes the process with it."""
        try:
            part()
        except Exception as error:
            self._failed.append(f"{name}: {error}")
            self._leave()

    def _told_to_leave(self, _: int, __: FrameType | None) -> None:
        self._leave()

    def _leave(self) -> None:
        self._leaving.set()
        if self._server is not None:
            self._server.should_exit = True

    def _join(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for all, DRAIN_SECONDS in all. Whoever is still at work then is left: every step commits whole."""
        until = time.monotonic() + DRAIN_SECONDS
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(until - time.monotonic(), 0.0))
        late = [thread.name for thread in threads if thread.is_alive()]
        if late:
            structlog.get_logger().warning("still at work when the time was up", parts=late, failed=self._failed)
            sys.stdout.flush()
            os._exit(1 if self._failed else 0)


def _server(app: Application, process: _Process, *, site: bool) -> uvicorn.Server:
    import uvicorn

    if site:
        from web.app import create_app

        served: ASGIApp = create_app(app, process.health, whole=True)
    else:
        from web.probe import create_probe

        served = create_probe(app, process.health)
    return uvicorn.Server(
        uvicorn.Config(
            served,
            log_config=None,
            access_log=False,  # addresses of pages carry tokens
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=PAGES_SECONDS,
        )
    )


def warm(app: Application) -> None:
    """Build the shared parts before threads ask for them at the same moment. Raises ConfigurationError."""
    for part in ("store", "log", "codelists", "translations", "composer", "email", "reader_links", "metrics"):
        getattr(app, part)
    app.translations.load()  # a role that could not write its mails does not start
    app.notice_composer.warm(app.settings.organisation.languages, app.digests.values())
