"""The web application: pages for readers, the newsroom for staff, health and metrics."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.errors import NotFound
from web import health
from web.batches import Batches
from web.clients import client_network
from web.newsroom import desk, imports, people, segments, suppressions
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
from web.security import Guard

STATIC = Path(__file__).resolve().parent / "static"


def create_app(app: Application, parts: Parts = no_parts) -> FastAPI:
    """The ASGI application over the house `app`. Nothing is written by a GET. `parts`: what else this process runs."""
    pages = Pages(app)
    site = FastAPI(title="Tribune", openapi_url=None, docs_url=None, redoc_url=None)
    site.include_router(health.router(app, parts))
    form = subscribe.SubscribeForm(app, pages)
    batches, network_of = Batches(app, form.texts), client_network(app.settings.web.trusted_proxies)
    site.include_router(unsubscribe.router(app, pages, batches, network_of))
    centre = preferences.PreferenceCentre(app, pages, form.options)
    site.include_router(preferences.router(centre, app, batches, network_of))
    site.include_router(my_data.router(app, pages))
    site.include_router(subscribe.router(form, batches, network_of))
    site.include_router(confirm.router(app, pages, batches, network_of))
    for part in (machines, feeds, home, items, editions):
        site.include_router(part.router(app, pages))
    site.include_router(desk.router(app, pages))
    for place in (segments, people, imports, suppressions):
        site.include_router(place.router(app, pages))
    site.mount("/static", StaticFiles(directory=STATIC), name="static")
    site.add_middleware(
        Guard,
        allowed_hosts=app.settings.web.allowed_hosts,
        desk_networks=app.settings.web.desk_networks,
        base_url=app.base_url,
        failed=lambda scope: pages.error(Request(scope), 500),
    )

    @site.exception_handler(HTTPException)
    @site.exception_handler(NotFound)
    @site.exception_handler(RequestValidationError)
    def _refused(request: Request, error: Exception) -> Response:
        return pages.error(request, error.status_code if isinstance(error, HTTPException) else 404)

    return site
