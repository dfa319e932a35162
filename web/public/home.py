"""Where readers come in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from tribune.bootstrap import Application
from web.pages import Pages
from web.public.frame import Public


def router(app: Application, pages: Pages) -> APIRouter:
    """`/` leads to the reader's language, `/{locale}/` is the first page."""
    routes = APIRouter()
    public = Public(app, pages)

    @routes.get("/")
    def anywhere(request: Request) -> Response:
        return RedirectResponse(f"/{pages.locale_of(request)}/", 303, {"vary": "accept-language"})

    @routes.get("/{locale}")
    def start(request: Request) -> Response:
        return RedirectResponse(f"/{public.locale(request)}/", 303)

    @routes.get("/{locale}/")
    def home(request: Request) -> Response:
        return public.show(request, "home.html", place="home")

    return routes
