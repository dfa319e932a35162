"""What machines ask of a process that serves no pages: `/healthz` and `/metrics`, without the weight of the site."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tribune.bootstrap import Application
from web.security import Guard
from web.soon import Soon

Parts = Callable[[], Mapping[str, str]]
"""The parts of this process by name, and how each is: "ok", or what is the matter."""


def no_parts() -> Mapping[str, str]:
    """For a process that has none but the site itself."""
    return {}


REMEMBERED = 2.0
"""Seconds for which the outcome of a look at store and log holds: anybody may ask, and as often as they like."""


class Health:
    """The status and the words of `/healthz`: 200 while store and log can be reached and each part lives."""

    def __init__(self, app: Application, parts: Parts = no_parts) -> None:
        self._app = app
        self._parts = parts
        self._looking = threading.Lock()
        self._parts_behind = {"store": Soon(lambda: _read(app), app.clock), "log": Soon(lambda: _lag(app), app.clock)}
        self._found: Mapping[str, str] = {}
        self._at = 0.0

    def __call__(self) -> tuple[int, dict[str, str]]:
        told = {**self._parts(), **self._reached()}
        well = all(state == "ok" for state in told.values())
        return (200 if well else 503), {"status": "ok" if well else "failing", **told}

    def _reached(self) -> Mapping[str, str]:
        """One looks, and whoever comes meanwhile is told what was found before."""
        first = self._looking.acquire(blocking=not self._found)
        try:
            if first and (not self._found or self._app.clock.monotonic() - self._at >= REMEMBERED):
                asked = {name: part.ask() for name, part in self._parts_behind.items()}
                self._found = {name: self._try(answer) for name, answer in asked.items()}
                self._at = self._app.clock.monotonic()
            return self._found
        finally:
            if first:
                self._looking.release()

    def _try(self, answer: Callable[[], None]) -> str:
        try:
            answer()
        except Exception as error:  # whatever it is: the answer is that this part cannot be reached
            return f"cannot be reached ({type(error).__name__})"
        return "ok"


def create_probe(app: Application, parts: Parts) -> ASGIApp:
    """The ASGI application of a process that is no web: health and figures, guarded as the site is."""
    from web.metrics import CONTENT_TYPE, Exposition

    health, exposition = Health(app, parts), Exposition(app)

    async def probe(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = await asyncio.to_thread(_answer, scope["path"])
            await answer(scope, receive, send)

    def _answer(path: str) -> Response:
        if path == "/healthz":
            status, told = health()
            return Response(json.dumps(told), status, media_type="application/json")
        if path == "/metrics":
            return Response(exposition(), media_type=CONTENT_TYPE)
        return PlainTextResponse("Here are /healthz and /metrics; the pages are served by the web.\n", 404)

    return Guard(
        probe,
        allowed_hosts=app.settings.web.allowed_hosts,
        desk_networks=app.settings.web.desk_networks,
        metrics_networks=app.settings.web.metrics_networks,
        trusted_proxies=app.settings.web.trusted_proxies,
        base_url=app.base_url,
        page=lambda _, status: PlainTextResponse("This cannot be read now; see the log.\n", status),
    )


def _read(app: Application) -> None:
    with app.store.read() as tx:
        tx.ledger.mailing(0)  # one look by a key: it tells whether the tables are there, and costs nothing


def _lag(app: Application) -> None:
    app.log.lag()
