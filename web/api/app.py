"""The application that answers under `/api`: every resource, every error as a problem, its own description."""

from __future__ import annotations

from fastapi import FastAPI

from tribune.bootstrap import Application
from web.api import (
    docs,
    events,
    imports,
    items,
    mailings,
    people,
    people_help,
    people_moves,
    publishing,
    records,
    segments,
    status,
    tags,
)
from web.api.access import ApiRoute, Gate
from web.api.description import describe
from web.api.problems import NothingEscapes, handle_errors
from web.pages import Pages
from web.probe import Health, Parts, no_parts


def create_api(house: Application, pages: Pages, parts: Parts = no_parts) -> FastAPI:
    """The API over the house, to be mounted at `/api`. No cookie is read or set, and no other site may read it."""
    api = FastAPI(
        title="Tribune",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.gate = Gate(house)
    api.router.route_class = ApiRoute
    api.add_middleware(NothingEscapes)
    handle_errors(api)
    status.add(api.router, Health(house, parts))
    items.add(api.router)
    publishing.add(api.router)
    mailings.add(api.router)
    events.add(api.router)
    people.add(api.router)
    people_moves.add(api.router)
    people_help.add(api.router)
    imports.add(api.router)
    segments.add(api.router)
    tags.add(api.router)
    records.add(api.router)
    docs.add(api.router, pages)
    api.openapi = lambda: describe(api)  # type: ignore[method-assign]
    return api
