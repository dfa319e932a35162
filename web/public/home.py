"""Where readers come in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from tribune.bootstrap import Application
from tribune.rendering.public_addresses import ANYTHING
from tribune.services.archive.front_page import front_page
from web.public.editions import issue_lines
from web.public.meta import Meta
from web.public.shelf import Shelf


def router(app: Application, shelf: Shelf) -> APIRouter:
    """`/` leads to the reader's language, `/{locale}/` is the first page."""
    routes = APIRouter()

    @routes.get("/")
    def anywhere(request: Request) -> Response:
        return RedirectResponse(f"/{shelf.pages.locale_of(request)}/", 303, {"vary": "accept-language"})

    @routes.get("/{locale}")
    def start(request: Request) -> Response:
        return RedirectResponse(f"/{shelf.public.locale(request)}/", 303)

    @routes.get("/{locale}/")
    def home(request: Request) -> Response:
        return _home(shelf, request)

    return routes


def _home(shelf: Shelf, request: Request) -> Response:
    locale = shelf.public.locale(request)
    with shelf.app.store.read() as tx:
        front = front_page(tx, locale, shelf.codelists, shelf.app.digests, shelf.kept)
    formats = shelf.pages.formats(locale)
    organisation = shelf.app.organisation.name(locale)
    pages, default = shelf.everywhere(request)
    said = shelf.texts(locale).gettext("The newest publications, data and live sessions from %(organisation)s.")
    meta = Meta(
        title=organisation,
        description=said % {"organisation": organisation},
        canonical=pages[locale],
        alternates=pages,
        default=default,
        feeds=shelf.feeds(locale, organisation, ANYTHING),
        data={
            "@context": "https://schema.org",
            "@type": "WebSite",
            "@id": pages[locale],
            "url": pages[locale],
            "name": organisation,
            "inLanguage": locale,
            "publisher": {
                "@type": "Organization",
                "name": organisation,
                "url": shelf.app.organisation.website or default,
            },
        },
    )
    return shelf.show(
        request,
        "home.html",
        "home",
        meta,
        cards=shelf.cards(locale, front.newest),
        topics=[(code, formats.policy_area(code)) for code in front.topics],
        regions=[(code, formats.place(code)) for code in front.regions],
        lines=issue_lines(shelf, locale, front.editions),
    )
