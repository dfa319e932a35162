"""The list of items, pages of topics and places, and each item's own page."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.archive import alternates
from tribune.domain.codelists import PlaceType
from tribune.rendering import linked_data
from tribune.rendering.public_addresses import ANYTHING, Filter
from tribune.rendering.public_items import ItemPage
from tribune.services.archive.list_items import list_items
from tribune.services.archive.see_item import Gone, Seen, see_item
from web.public.meta import Meta
from web.public.shelf import Shelf, filter_of, page_of

_NAME = re.compile(r"([1-9][0-9]{0,8})(?:-[^/]*)?", re.DOTALL)
WORDS = 200


def router(app: Application, shelf: Shelf) -> APIRouter:
    """`/{locale}/items`, `/{locale}/items/{number}-{slug}`, `/{locale}/topics`, `/{locale}/places`."""
    routes = APIRouter()

    @routes.get("/{locale}/items")
    def items(request: Request) -> Response:
        locale, query = shelf.public.locale(request), request.query_params
        return _list(shelf, request, locale, filter_of(query), query.get("q", "")[:WORDS].strip())

    @routes.get("/{locale}/items/{name}")
    def item(request: Request, name: str) -> Response:
        return _item(shelf, request, name)

    @routes.get("/{locale}/topics")
    def topics(request: Request) -> Response:
        return _topics(shelf, request)

    @routes.get("/{locale}/topics/{code}")
    def topic(request: Request, code: str) -> Response:
        return _list(shelf, request, shelf.public.locale(request), Filter(topic=code), "", "topics")

    @routes.get("/{locale}/places")
    def places(request: Request) -> Response:
        return _places(shelf, request)

    @routes.get("/{locale}/places/{code}")
    def place(request: Request, code: str) -> Response:
        return _list(shelf, request, shelf.public.locale(request), Filter(place=code), "", "places")

    return routes


def _list(
    shelf: Shelf, request: Request, locale: str, narrowed: Filter, words: str, landing: str = "items"
) -> Response:
    page = page_of(request.query_params)
    with shelf.app.store.read() as tx:
        found = list_items(tx, locale, narrowed, shelf.codelists, shelf.kept, text=words, page=page)
    _ = shelf.texts(locale).gettext
    name = shelf.name_of(narrowed, locale)
    title = name or _("Latest")
    made = {"topics": shelf.addresses.topic, "places": shelf.addresses.place}.get(landing)

    def address(tag: str) -> str:
        more = {"page": found.page} if found.page > 1 else {}
        if made is None:
            return shelf.addresses.items(tag, narrowed, **more)
        return made(tag, narrowed.topic or narrowed.place) + Filter().query(**more)

    cards = shelf.cards(locale, found.items, narrowed.place)
    organisation = shelf.app.organisation.name(locale)
    told = {"subject": title, "organisation": organisation}
    meta = Meta(
        title=title,
        description=_("%(subject)s: publications, data and live sessions from %(organisation)s.") % told
        if name
        else _("The newest publications, data and live sessions from %(organisation)s.") % told,
        canonical=address(locale),
        alternates={tag: address(tag) for tag in shelf.offered},
        default=address(shelf.default),
        feeds=shelf.feeds(locale, shelf.feed_title(locale, title), narrowed),
        data=linked_data.of_list(title, address(locale), [shelf.addresses.base + card.address for card in cards]),
        # Searches and combinations without end are not what an index of the web is for.
        index=not words and (bool(made) or sum(map(bool, (narrowed.topic, narrowed.place, narrowed.kind))) <= 1),
    )
    here = shelf.paths.items(locale, narrowed) if made is None else request.url.path
    joint = "&" if "?" in here else "?"
    return shelf.show(
        request,
        "items.html",
        landing,
        meta,
        cards=cards,
        found=found,
        narrowed=narrowed,
        words_asked=words,
        landing=landing,
        pager_address=f"{here}{joint}" + (_query_words(words) if words else ""),
        topic_options=shelf.sorted_topics(locale),
        place_options=_place_options(shelf, locale),
        kind_options=_kind_options(shelf, locale),
    )


def _query_words(words: str) -> str:
    from urllib.parse import urlencode

    return urlencode({"q": words}) + "&"


def _kind_options(shelf: Shelf, locale: str) -> list[tuple[str, str]]:
    formats = shelf.pages.formats(locale)
    return [(kind.code, formats.capitalised(formats.kinds(kind.code))) for kind in shelf.codelists.kinds]


def _place_options(shelf: Shelf, locale: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Regions, groups and countries, each with its heading, in the order of the alphabet."""
    _ = shelf.texts(locale).gettext
    headings = (
        (PlaceType.REGION, _("Regions")),
        (PlaceType.GROUP, _("Groups of countries")),
        (PlaceType.COUNTRY, _("Countries")),
    )
    return [(heading, shelf.sorted_places(locale, kind)) for kind, heading in headings]


def _item(shelf: Shelf, request: Request, name: str) -> Response:
    locale = shelf.public.locale(request)
    number = _NAME.fullmatch(name)
    if number is None:
        raise HTTPException(404)
    with shelf.app.store.read() as tx:
        seen = see_item(tx, int(number[1]), locale)
    if isinstance(seen, Gone):
        return shelf.public.show(request, "gone.html", status=410, place="items", gone=seen)
    right = shelf.paths.item(locale, seen.item.id, seen.shown.slug)
    if request.url.path != right:
        # Kept for a moment only: a title may change, and back.
        return RedirectResponse(right, 301, {"cache-control": "public, max-age=300"})
    own = alternates(seen.versions, shelf.offered)
    page = shelf.items(locale).page(seen.item, seen.shown, own, shelf.app.clock.now())
    return shelf.show(request, "item.html", "items", _meta(shelf, locale, seen, page), page=page, item=seen.item)


def _meta(shelf: Shelf, locale: str, seen: Seen, page: ItemPage) -> Meta:
    own = alternates(seen.versions, shelf.offered)
    pages = {tag: shelf.addresses.item(tag, seen.item.id, listing.slug) for tag, listing in own.items()}
    # Where no page has a version as its own, the one in the house's language stands for all.
    default = pages.get(shelf.default) or next(iter(pages.values()), "")
    default = default or shelf.addresses.item(shelf.default, seen.item.id, seen.shown.slug)
    # A page that shows a version of another language leaves being found to the page that has it as its own.
    canonical = pages.get(locale) or next((pages[tag] for tag in own if own[tag] == seen.shown), default)
    version = seen.item.version_in(seen.shown.language) or seen.item.versions[0]
    organisation = shelf.app.organisation
    formats = shelf.pages.formats(locale)
    told = linked_data.Told(
        url=canonical,
        publisher=organisation.name(locale),
        publisher_url=organisation.website or shelf.addresses.home(locale),
        released_at=seen.shown.released_at,
        updated_at=seen.shown.updated_at,
        topics=[name for _, name in page.topics],
        places=[formats.place(code) for code, _ in page.places],
        translations=[
            (listing.language, pages[tag]) for tag, listing in own.items() if listing.language != seen.shown.language
        ],
    )
    return Meta(
        title=page.card.title,
        description=page.description,
        canonical=canonical,
        alternates=pages,
        default=default,
        type="article",
        language=page.card.language,
        published=seen.shown.released_at.isoformat(timespec="seconds"),
        modified=seen.shown.updated_at.isoformat(timespec="seconds"),
        feeds=shelf.feeds(locale, organisation.name(locale), ANYTHING),
        data=linked_data.of_item(seen.item, version, told),
    )


def _topics(shelf: Shelf, request: Request) -> Response:
    locale = shelf.public.locale(request)
    with shelf.app.store.read() as tx:
        counts = tx.archive.codes("topics")
    title = shelf.texts(locale).gettext("Topics")
    areas = [(code, name, counts.get(code, 0)) for code, name in shelf.sorted_topics(locale)]
    return shelf.show(request, "topics.html", "topics", _of_index(shelf, request, title), areas=areas)


def _places(shelf: Shelf, request: Request) -> Response:
    locale = shelf.public.locale(request)
    with shelf.app.store.read() as tx:
        counts = tx.archive.codes("places")
    title = shelf.texts(locale).gettext("Countries and regions")
    groups = [
        (heading, [(code, name) for code, name in places if kind != "country" or code in counts])
        for (heading, places), kind in zip(_place_options(shelf, locale), ("region", "group", "country"), strict=True)
    ]
    return shelf.show(request, "places.html", "places", _of_index(shelf, request, title), groups=groups)


def _of_index(shelf: Shelf, request: Request, title: str) -> Meta:
    locale = shelf.public.locale(request)
    pages, default = shelf.everywhere(request)
    organisation = shelf.app.organisation.name(locale)
    said = shelf.texts(locale).gettext("%(subject)s: publications, data and live sessions from %(organisation)s.")
    return Meta(
        title=title,
        description=said % {"subject": title, "organisation": organisation},
        canonical=pages[locale],
        alternates=pages,
        default=default,
        feeds=shelf.feeds(locale, organisation, ANYTHING),
    )
