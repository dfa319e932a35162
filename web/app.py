"""The web application: pages for readers, the newsroom for staff, health and metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

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

NEWSROOM = "/{locale}/newsroom/"
STATIC = Path(__file__).resolve().parent / "static"


def create_app(app: Application, parts: Parts = no_parts) -> FastAPI:
    """The ASGI application over the house `app`. Nothing is written by a GET. `parts`: what else this process runs."""
    pages = Pages(app)
    site = FastAPI(title="Tribune", openapi_url=None, docs_url=None, redoc_url=None)
    site.mount("/api", create_api(app, pages, parts), name="api")
    site.include_router(problem_pages(pages))
    site.include_router(health.router(app, parts))
    form = subscribe.SubscribeForm(app, pages)
    _for_readers(site, app, pages, form)
    _for_staff(site, app, pages, form.options)
    site.mount("/static", StaticFiles(directory=STATIC), name="static")
    site.add_middleware(
        Guard,
        allowed_hosts=app.settings.web.allowed_hosts,
        desk_networks=app.settings.web.desk_networks,
        metrics_networks=app.settings.web.metrics_networks,
        trusted_proxies=app.settings.web.trusted_proxies,
        base_url=app.base_url,
        failed=lambda scope: pages.error(Request(scope), 500),
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
        answer = pages.error(request, 503)
        answer.headers["retry-after"] = "10"
        return answer

    @site.exception_handler(NotSignedIn)
    def _sign_in_first(request: Request, _: Exception) -> Response:
        return RedirectResponse(sign_in_address(request, pages.locale_of(request)), 303)

    return site


def _for_readers(site: FastAPI, app: Application, pages: Pages, form: subscribe.SubscribeForm) -> None:
    batches, network_of = Batches(app, form.texts), client_network(app.settings.web.trusted_proxies)
    site.include_router(unsubscribe.router(app, pages, batches, network_of))
    centre = preferences.PreferenceCentre(app, pages, form.options)
    site.include_router(preferences.router(centre, app, batches, network_of))
    site.include_router(my_data.router(app, pages, network_of))
    site.include_router(subscribe.router(form, batches, network_of))
    site.include_router(confirm.router(app, pages, batches, network_of))
    shelf = Shelf(app, pages)
    for part in (machines, feeds, home, items, editions):
        site.include_router(part.router(app, shelf))


def _for_staff(site: FastAPI, app: Application, pages: Pages, options: Callable[[str], ChoiceOptions]) -> None:
    access = site.state.access = Access(app)
    for door in (doors, invitation, provider, account):
        site.include_router(door.router(app, pages, access))
    for part in (tokens, staff, audit, desk, segments, imports, suppressions):
        site.include_router(part.router(app, pages))
    site.include_router(people.router(app, pages, options))
    of_staff = [route for route in every_route(site) if route.staff and route.method == "GET"]
    access.learn({route.path.removeprefix(NEWSROOM): route.permission for route in of_staff})
