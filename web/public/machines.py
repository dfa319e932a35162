"""What search engines read first: /robots.txt and /sitemap.xml with its parts (https://www.sitemaps.org/protocol.html)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.archive import Listing, alternates, base_language
from tribune.domain.codelists import PlaceType
from tribune.domain.digests import Digest
from tribune.ports.store import Transaction
from tribune.rendering.feeds import instant
from tribune.services.archive.list_editions import digests_of_issues, every_edition
from web.public import caching
from web.public.shelf import Shelf

MOST = 50_000
"""Addresses in a part: the protocol's bound."""

ITEMS = 1_000
"""Items in a part, by their numbers: so a part stays as it is while others grow."""

EDITIONS = 5_000

ROBOTS = """User-agent: *
Disallow: /u/
Disallow: /p/
Disallow: /c/
Disallow: /f/
Disallow: /m/
Disallow: /a/
Disallow: /n/
Disallow: /api/
Disallow: /metrics
Disallow: /healthz
Disallow: /*/newsroom
Disallow: /*?*q=
Allow: /

Sitemap: {sitemap}
"""

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_INDEX = _HEAD + '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{0}</sitemapindex>\n'
_PART = (
    _HEAD
    + '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'
    + "{0}</urlset>\n"
)


def router(app: Application, shelf: Shelf) -> APIRouter:
    """`/robots.txt`, `/sitemap.xml`, `/sitemap-pages.xml`, `/sitemap-editions.xml`, `/sitemap-items-N.xml`."""
    routes = APIRouter()
    in_a_part = min(ITEMS, MOST // len(shelf.offered))
    most_issues = min(EDITIONS, MOST // len(shelf.offered))

    def named(tx: Transaction) -> dict[str, Digest]:
        """Whose issues are to be found: not those of digests of which the settings tell nothing any more."""
        return {id: one for id, one in digests_of_issues(tx, app.digest).items() if not one.forgotten}

    @routes.get("/robots.txt")
    def robots(request: Request) -> Response:
        text = ROBOTS.format(sitemap=f"{shelf.addresses.base}/sitemap.xml")
        return caching.kept(request, PlainTextResponse(text), seconds=caching.MAPS)

    @routes.get("/sitemap.xml")
    def index(request: Request) -> Response:
        with app.store.read() as tx:
            first_issue, parts = next(every_edition(tx, named(tx), most_issues), None), tx.archive.parts(in_a_part)
        # The protocol knows no part without an address.
        names = ["sitemap-pages.xml", *(["sitemap-editions.xml"] if first_issue else [])]
        names += [f"sitemap-items-{number}.xml" for number in parts]
        lines = "".join(f"<sitemap><loc>{escape(shelf.addresses.base)}/{name}</loc></sitemap>\n" for name in names)
        return _xml(request, _INDEX.format(lines))

    @routes.get("/sitemap-pages.xml")
    def of_pages(request: Request) -> Response:
        return _xml(request, _PART.format("".join(_pages(shelf))))

    @routes.get("/sitemap-editions.xml")
    def of_editions(request: Request) -> Response:
        with app.store.read() as tx:
            found = list(every_edition(tx, named(tx), most_issues))
        if not found:
            raise HTTPException(404)
        told = (
            {tag: shelf.addresses.edition(tag, one.digest, one.cadence, one.occasion) for tag in shelf.offered}
            for one in found
        )
        return _xml(request, _PART.format("".join(line for pages in told for line in _urls(pages, shelf.default))))

    @routes.get("/sitemap-items-{number}.xml")
    def of_items(request: Request, number: str) -> Response:
        if not (number.isascii() and number.isdigit() and int(number[:9]) > 0 and len(number) < 7):
            raise HTTPException(404)
        first = (int(number) - 1) * in_a_part + 1
        with app.store.read() as tx:
            listings = tx.archive.part(first, first + in_a_part - 1)
            by_item = _by_item(listings)
            nowhere = [number for number, versions in by_item.items() if not alternates(versions, shelf.offered)]
            others = tx.archive.others(nowhere)
        if not listings:
            raise HTTPException(404)
        return _xml(request, _PART.format("".join(_items(shelf, by_item, others))))

    return routes


def _xml(request: Request, text: str) -> Response:
    response = Response(text, media_type="application/xml; charset=utf-8")
    return caching.kept(request, response, seconds=caching.MAPS)


def _pages(shelf: Shelf) -> Iterator[str]:
    """Home, lists, topics and the places that items name."""
    make = shelf.addresses
    with shelf.app.store.read() as tx:
        topics, places = tx.archive.codes("topics"), tx.archive.codes("places")
    for one in (make.home, make.items, make.topics, make.places, make.editions):
        yield from _urls({tag: one(tag) for tag in shelf.offered}, shelf.default)
    for area in shelf.codelists.policy_areas:
        if area.code in topics:
            yield from _urls({tag: make.topic(tag, area.code) for tag in shelf.offered}, shelf.default)
    for place in shelf.codelists.places.places.values():
        if place.code in places or place.type is PlaceType.REGION:
            yield from _urls({tag: make.place(tag, place.code) for tag in shelf.offered}, shelf.default)


def _by_item(listings: Iterable[Listing]) -> dict[int, dict[str, Listing]]:
    by_item: dict[int, dict[str, Listing]] = {}
    for listing in listings:
        by_item.setdefault(listing.item_id, {})[base_language(listing.language)] = listing
    return by_item


def _items(shelf: Shelf, by_item: Mapping[int, Mapping[str, Listing]], others: Mapping[int, Listing]) -> Iterator[str]:
    """Each item in its languages; with one page in the house's language where it has none of those that are offered:
    `others`, as readers of none of its languages are shown them."""
    for number, versions in by_item.items():
        if number in others:
            only = shelf.addresses.item(shelf.default, number, others[number].slug)
            yield _url(only, _links([("x-default", only)]), others[number].updated_at)
            continue
        own = alternates(versions, shelf.offered)
        pages = {tag: shelf.addresses.item(tag, number, listing.slug) for tag, listing in own.items()}
        changed = {tag: listing.updated_at for tag, listing in own.items()}
        default = shelf.default if shelf.default in pages else next(iter(pages), "")
        yield from _urls(pages, default, changed)


def _urls(pages: Mapping[str, str], default: str, changed: Mapping[str, datetime] | None = None) -> Iterator[str]:
    """One page in each of its languages, each naming all of them."""
    others = [(tag, address) for tag, address in pages.items()]
    if default in pages:
        others.append(("x-default", pages[default]))
    links = _links(others)
    for tag, address in pages.items():
        yield _url(address, links, changed[tag] if changed else None)


def _links(others: Iterable[tuple[str, str]]) -> str:
    return "".join(
        f'<xhtml:link rel="alternate" hreflang={quoteattr(tag)} href={quoteattr(address)}/>' for tag, address in others
    )


def _url(address: str, links: str, changed: datetime | None) -> str:
    at = f"<lastmod>{instant(changed)}</lastmod>" if changed else ""
    return f"<url><loc>{escape(address)}</loc>{at}{links}</url>\n"
