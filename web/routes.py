"""Every route of the site, and what it asks for: for the navigation, and for tests that no route escapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from tribune.domain.staff import Permission
from web.newsroom.access import Needs


@dataclass(frozen=True, slots=True)
class SiteRoute:
    """One method of one path. `staff`: only for who is signed in; `permission`: and may this. The last that a route
    asks for is its own: what its router asks for besides comes before."""

    method: str
    path: str
    staff: bool
    permission: Permission | None
    asked: tuple[Permission | None, ...] = ()


def every_route(site: FastAPI) -> Iterator[SiteRoute]:
    """The routes of a site, mounted files aside."""
    for context in iter_route_contexts(site.routes):
        dependant = getattr(context, "dependant", None)
        methods = getattr(context, "methods", None)
        if dependant is None or not methods:
            continue
        asked = tuple(one.call.permission for one in dependant.dependencies if isinstance(one.call, Needs))
        for method in sorted(methods):
            yield SiteRoute(method, str(context.path), bool(asked), asked[-1] if asked else None, asked)
