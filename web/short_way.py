"""A short way to the few routes that thousands call in the same minute, when a mailing has gone out or a sign-up form
is passed around: straight to the endpoint, past the framework's search through every route there is and its layers,
which cost more than the work. The routes stay where they are declared, and answer the same without it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[..., Awaitable[Response]]


class ShortWay:
    """ASGI middleware within the site's Guard. `paths`: POST routes of `site` that depend on nothing but the request
    and on texts in their path, each of them one of its routes."""

    def __init__(self, app: ASGIApp, site: FastAPI, paths: tuple[str, ...]) -> None:
        self._app = app
        self._site = site
        self._ways = [(_pattern(path), _endpoint(site, path)) for path in paths]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            for pattern, endpoint in self._ways:
                if (found := pattern.fullmatch(scope["path"])) is not None:
                    await self._go(endpoint, found.groupdict(), scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _go(self, endpoint: Endpoint, told: dict[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        request = Request({**scope, "app": self._site, "path_params": told}, receive, send)
        try:
            answer = await endpoint(request=request, **told)
        except Exception as error:
            handler = self._handler_of(error)
            if handler is None:
                raise
            answer = await run_in_threadpool(handler, request, error)
        await answer(scope, receive, send)

    def _handler_of(self, error: Exception) -> Any:
        handlers = self._site.exception_handlers
        return next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def _endpoint(site: FastAPI, path: str) -> Endpoint:
    for context in iter_route_contexts(site.routes):
        if str(context.path) == path and "POST" in (getattr(context, "methods", None) or ()):
            endpoint: Any = getattr(context, "endpoint")  # noqa: B009 - not of every kind of route
            told = set(re.findall(r"\{(\w+)\}", path))
            wanted = set(inspect.signature(endpoint).parameters)
            if not inspect.iscoroutinefunction(endpoint) or wanted - told != {"request"}:
                raise TypeError(f"POST {path} asks for more than its request: it has no short way.")
            return lambda request, **texts: endpoint(request=request, **{k: v for k, v in texts.items() if k in wanted})
    raise LookupError(f"There is no route POST {path}.")
