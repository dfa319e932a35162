"""The archive of issues: the list, and each public edition."""

from __future__ import annotations

import re
from datetime import date

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.archive import ISSUES, PublicEdition
from tribune.domain.audience import Cadence
from tribune.domain.digests import Digest
from tribune.rendering import linked_data
from tribune.rendering.public_addresses import ANYTHING, Filter
from tribune.services.archive.list_editions import digests_of_issues, list_editions
from tribune.services.archive.see_edition import SeenEdition, see_edition
from web.public.meta import Meta
from web.public.shelf import Shelf, page_of
from web.words import Words

_DIGEST = re.compile(r"[A-Za-z0-9-]{1,60}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])", re.ASCII)


def router(app: Application, shelf: Shelf) -> APIRouter:
    """`/{locale}/editions` and `/{locale}/editions/{digest}/{cadence}/{date}`."""
    routes = APIRouter()

    @routes.get("/{locale}/editions")
    def editions(request: Request) -> Response:
        return _editions(shelf, request)

    @routes.get("/{locale}/editions/{digest}/{cadence}/{day}")
    def edition(request: Request, digest: str, cadence: str, day: str) -> Response:
        return _edition(shelf, request, digest, cadence, day)

    return routes


def issue_lines(shelf: Shelf, locale: str, found: list[PublicEdition]) -> list[tuple[str, str, str, bool]]:
    """Address, name and day of each issue: `The Observatory Letter, weekly issue`, `23 November 2026`; and whether
    everything in it has been withdrawn."""
    words, formats = Words(shelf.texts(locale)), shelf.pages.formats(locale)
    return [
        (
            shelf.paths.edition(locale, one.digest, one.cadence, one.occasion),
            words.issue(shelf.app.digest(one.digest).name(locale), one.cadence),
            formats.date(date.fromisoformat(one.occasion)),
            one.withdrawn,
        )
        for one in found
    ]


def _editions(shelf: Shelf, request: Request) -> Response:
    locale = shelf.public.locale(request)
    asked = request.query_params.get("month", "")
    if asked and not _MONTH.fullmatch(asked):
        raise HTTPException(404)
    with shelf.app.store.read() as tx:
        digests = digests_of_issues(tx, shelf.app.digest)
        month = list_editions(tx, digests, date.fromisoformat(f"{asked}-01") if asked else None)
    if asked and month is None:
        raise HTTPException(404)
    pages, default = shelf.everywhere(request)
    query = f"?month={asked}" if asked else ""
    organisation = shelf.app.organisation.name(locale)
    _ = shelf.texts(locale).gettext
    meta = Meta(
        title=_("All issues"),
        description=_("Every issue of our letters, with everything that it could hold."),
        canonical=pages[locale] + query,
        alternates={tag: address + query for tag, address in pages.items()},
        default=default + query,
        feeds=shelf.feeds(locale, organisation, ANYTHING),
    )
    lines = issue_lines(shelf, locale, month.editions) if month else []
    return shelf.show(request, "editions.html", "editions", meta, lines=lines, month=month)


def _edition(shelf: Shelf, request: Request, digest_id: str, cadence_name: str, day: str) -> Response:
    locale, page = shelf.public.locale(request), page_of(request.query_params)
    known = cadence_name in [cadence.value for cadence in ISSUES] and _DATE.fullmatch(day)
    if not (known and _DIGEST.fullmatch(digest_id)):
        raise HTTPException(404)
    # One that was retired, or taken out of the settings, keeps its issues: their addresses stay.
    digest, cadence = shelf.app.digest(digest_id), Cadence(cadence_name)
    with shelf.app.store.read() as tx:
        seen = see_edition(tx, digest, cadence, day, locale, shelf.kept, page)
    formats, words = shelf.pages.formats(locale), Words(shelf.texts(locale))
    title = words.issue(digest.name(locale), cadence, formats.date(date.fromisoformat(day)))
    cards = shelf.cards(locale, seen.items)
    query = Filter().query(page=seen.page) if seen.page > 1 else ""
    addresses = {tag: shelf.addresses.edition(tag, digest.id, cadence, day) + query for tag in shelf.offered}
    organisation = shelf.app.organisation.name(locale)
    meta = Meta(
        title=title,
        description=_said_of(shelf, locale, digest, seen),
        canonical=addresses[locale],
        alternates=addresses,
        default=addresses[shelf.default],
        feeds=shelf.feeds(locale, organisation, ANYTHING),
        data=linked_data.of_list(title, addresses[locale], [shelf.addresses.base + card.address for card in cards])
        if cards
        else None,
        # Nothing to find: no text of its own, or more than the issue itself can have held.
        index=bool(cards) and not digest.forgotten,
    )
    return shelf.show(
        request,
        "edition.html",
        "editions",
        meta,
        cards=cards,
        seen=seen,
        digest=digest,
        here=request.url.path,
    )


def _said_of(shelf: Shelf, locale: str, digest: Digest, seen: SeenEdition) -> str:
    """What others are told of an issue, where its address is passed on."""
    _ = shelf.texts(locale).gettext
    if seen.withdrawn:
        return _("Everything that stood in this issue has been withdrawn since, and is no longer published by us.")
    told = {"letter": digest.name(locale), "organisation": shelf.app.organisation.name(locale)}
    return _("Everything that was new for %(letter)s, from %(organisation)s.") % told
