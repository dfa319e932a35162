"""The web application: pages for readers, the newsroom for staff, health and metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from tribune.bootstrap import Application
from tribune.domain.errors import NotFound
from web import health
from web.api.app import create_api
from web.api.docs import problem_pages
from web.api.problem_kinds import NOT_FOUND
from web.api.problems import Problem
from web.api.problems import answer as api_answer
from web.batches import Batches, TooBusy
from web.clients import client_network
from web.newsroom import (
    account,
    audit,
    desk,
    doors,
    imports,
    invitation,
    people,
    provider,
    segments,
    staff,
    suppressions,
    tokens,
)
from web.newsroom.access import Access, NotSignedIn, sign_in_address
from web.newsroom.frame import Newsroom
from web.pages import Pages
from web.probe import Parts, no_parts
from web.public import (
    confirm,
    editions,
    feeds,
    home,
    items,
    machines,
    my_data,
    preferences,
    subscribe,
    unsubscribe,
)
from web.public.choice_options import ChoiceOptions
from web.public.shelf import Shelf
from web.routes import every_route
from web.security import Guard
from web.short_way import ShortWay

NEWSROOM = "/{locale}/newsroom/"
STATIC = Path(__file__).resolve().parent / "static"


class _Api:
    """The API, made when it is first asked for: its models take a third of the time in which the site is made."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = cache(make)
        self._lock = threading.Lock()

    def made(self) -> ASGIApp:
        """It, once only: FastAPI silences warnings while it makes models, which two threads may not do at a time."""
        with self._lock:
            return self._make()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.made()(scope, receive, send)


def create_app(app: Application, parts: Parts = no_parts, *, whole: bool = False) -> FastAPI:
    """The ASGI application over the house `app`. Nothing is written by a GET. `parts`: what else this process runs;
    `whole`: nobody is to wait for what is made at the first request."""
    pages = Pages(app)
    api = _Api(lambda: create_api(app, pages, parts))
    if whole:
        api.made()
    site = FastAPI(title="Tribune", openapi_url=None, docs_url=None, redoc_url=None)
    site.mount("/api", api, name="api")
    _take_in(site, problem_pages(pages))
    _take_in(site, health.router(app, parts))
    form = subscribe.SubscribeForm(app, pages)
    _for_readers(site, app, pages, form)
    _for_staff(site, app, pages, form.options)
    site.mount("/static", StaticFiles(directory=STATIC), name="static")
    site.add_middleware(ShortWay, site=site, paths=("/u/{token}", "/{locale}/subscribe"))
    site.add_middleware(
        Guard,
        allowed_hosts=app.settings.web.allowed_hosts,
        desk_networks=app.settings.web.desk_networks,
        metrics_networks=app.settings.web.metrics_networks,
        trusted_proxies=app.settings.web.trusted_proxies,
        base_url=app.base_url,
        page=lambda scope, status: pages.error(Request(scope), status),
    )

    @site.exception_handler(HTTPException)
    @site.exception_handler(NotFound)
    @site.exception_handler(RequestValidationError)
    def _refused(request: Request, error: Exception) -> Response:
        if request.url.path == "/api":
            return api_answer("/api", Problem(NOT_FOUND))
        return pages.error(request, error.status_code if isinstance(error, HTTPException) else 404)

    @site.exception_handler(TooBusy)
    def _later(request: Request, _: Exception) -> Response:
        return pages.error(request, 503)

    newsroom = Newsroom(app, pages)

    @site.exception_handler(NotSignedIn)
    def _sign_in_first(request: Request, _: Exception) -> Response:
        locale = pages.locale_of(request)
        if request.method in ("GET", "HEAD") or request.url.path.endswith("/sign-out"):
            return RedirectResponse(sign_in_address(request, locale), 303)
        # Led away, the browser would forget what was typed; from here it can send it again.
        return newsroom.signed_out(locale)

    return site


def _take_in(site: FastAPI, part: APIRouter) -> None:
    """A part's routes as the site's own. `include_router` would make each of them a second time, and look through the
    parts one by one at each request; our parts share nothing that it would add."""
    site.router.routes.extend(part.routes)


def _for_readers(site: FastAPI, app: Application, pages: Pages, form: subscribe.SubscribeForm) -> None:
    batches, network_of = Batches(app, form.texts), client_network(app.settings.web.trusted_proxies)
    _take_in(site, unsubscribe.router(app, pages, batches, network_of))
    centre = preferences.PreferenceCentre(app, pages, form.options)
    _take_in(site, preferences.router(centre, app, batches, network_of))
    _take_in(site, my_data.router(app, pages, network_of))
    _take_in(site, subscribe.router(form, batches, network_of))
    _take_in(site, confirm.router(app, pages, batches, network_of))
    shelf = Shelf(app, pages)
    for part in (machines, feeds, home, items, editions):
        _take_in(site, part.router(app, shelf))


def _for_staff(site: FastAPI, app: Application, pages: Pages, options: Callable[[str], ChoiceOptions]) -> None:
    access = site.state.access = Access(app)
    for door in (doors, invitation, provider, account):
        _take_in(site, door.router(app, pages, access))
    for part in (tokens, staff, audit, desk, segments, imports, suppressions):
        _take_in(site, part.router(app, pages))
    _take_in(site, people.router(app, pages, options))
    of_staff = [route for route in every_route(site) if route.staff and route.method == "GET"]
    access.learn({route.path.removeprefix(NEWSROOM): route.permission for route in of_staff})
