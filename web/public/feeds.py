"""Feeds: of everything, of a topic, place or kind; and a subscriber's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from tribune.bootstrap import Application
from tribune.domain.archive import Listing, Order, alternates, locale_of_page
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.items import Item
from tribune.rendering import feeds
from tribune.rendering.public_addresses import Filter
from tribune.rendering.public_items import Card, paragraphs
from tribune.rendering.text import clean, cut_at_sentence
from tribune.services.archive.list_items import checked, reading_of, selection_of
from tribune.services.archive.own_feed import ENTRIES, FEED, own_feed
from web.public import caching
from web.public.shelf import Shelf, filter_of

Form = Literal["atom", "json"]
TYPES = {"atom": "application/atom+xml; charset=utf-8", "json": "application/feed+json; charset=utf-8"}
SUMMARY = 900
"""Characters of an abstract: a feed's entries stay below 100 kB."""
NEVER = datetime(2026, 1, 1, tzinfo=UTC)
"""`updated` of a feed of an archive in which nothing has happened yet."""


def router(app: Application, shelf: Shelf) -> APIRouter:
    """`/{locale}/feed.atom`, `/{locale}/feed.json`, `/f/TOKEN.atom`, `/f/TOKEN.json`."""
    routes = APIRouter()

    @routes.get("/{locale}/feed.{form}")
    def feed(request: Request, form: Form) -> Response:
        return _feed(shelf, request, form)

    @routes.get("/f/{token}.{form}")
    def own(request: Request, token: str, form: Form) -> Response:
        return _own(shelf, request, token, form)

    return routes


def _feed(shelf: Shelf, request: Request, form: Form) -> Response:
    locale = shelf.public.locale(request)
    narrowed = checked(filter_of(request.query_params), shelf.codelists)
    with shelf.app.store.read() as tx:
        wanted = selection_of(narrowed, shelf.codelists)
        reading = reading_of(narrowed, locale)
        found = shelf.kept.with_items(tx, tx.archive.newest(reading, wanted, limit=ENTRIES, order=Order.RELEASE))
        versions = tx.archive.versions({item.id for item, _ in found})
        changed = tx.archive.last_change()
    organisation = shelf.app.organisation.name(locale)
    own = ("own",) if narrowed.own else ()
    _ = shelf.texts(locale).gettext
    made = feeds.Feed(
        id=_id(shelf, "feed", locale, narrowed.topic or "-", narrowed.place or "-", narrowed.kind or "-", *own),
        title=shelf.feed_title(locale, shelf.name_of(narrowed, locale)),
        subtitle=_("The newest publications, data and live sessions from %(organisation)s.")
        % {"organisation": organisation},
        language=locale,
        url=shelf.addresses.feed(locale, form, narrowed),
        home=_home(shelf, locale, narrowed),
        author=organisation,
        author_url=shelf.addresses.home(locale),
        updated=_updated(found, changed),
        entries=tuple(_entries(shelf, locale, found, versions)),
    )
    response = Response(_written(made, form), media_type=TYPES[form], headers={"content-language": locale})
    return caching.kept(request, response, seconds=caching.FEEDS)


def _own(shelf: Shelf, request: Request, token: str, form: Form) -> Response:
    """Whoever has the address reads the feed, so it tells nothing of the person, and is nobody else's to keep."""
    app = shelf.app
    try:
        (number,) = map(int, app.signer.verify(FEED, token))
    except (InvalidInput, ValueError):
        raise NotFound("This link is not complete or not valid.") from None
    private = {"x-robots-tag": "noindex", "cache-control": "no-store"}
    with app.store.read() as tx:
        told = own_feed(tx, number, app.digests, app.codelists, app.rules, shelf.kept)
        versions = tx.archive.versions({item.id for item, _ in told.items}) if told else {}
        changed = tx.archive.last_change()
    if told is None:
        return PlainTextResponse("This feed has ended.\n", 410, headers=private)
    organisation = app.organisation.name(told.locale)
    title = shelf.texts(told.locale).gettext("Your selection from %(organisation)s") % {"organisation": organisation}
    made = feeds.Feed(
        id=_id(shelf, "own", hashlib.blake2b(token.encode(), digest_size=8).hexdigest()),
        title=title,
        subtitle="",
        language=told.locale,
        url="",
        home=shelf.addresses.home(told.locale),
        author=organisation,
        author_url=shelf.addresses.home(told.locale),
        updated=_updated(told.items, changed),
        entries=tuple(_entries(shelf, told.locale, told.items, versions)),
    )
    response = Response(_written(made, form), media_type=TYPES[form], headers=private)
    return caching.validated(request, response)


def _written(made: feeds.Feed, form: Form) -> bytes:
    return feeds.atom(made) if form == "atom" else feeds.json_feed(made)


def _home(shelf: Shelf, locale: str, narrowed: Filter) -> str:
    if narrowed == Filter():
        return shelf.addresses.home(locale)
    if narrowed == Filter(topic=narrowed.topic):
        return shelf.addresses.topic(locale, narrowed.topic)
    if narrowed == Filter(place=narrowed.place):
        return shelf.addresses.place(locale, narrowed.place)
    return shelf.addresses.items(locale, narrowed)


def _id(shelf: Shelf, *parts: str | int) -> str:
    return feeds.tag_id(urlsplit(shelf.addresses.base).hostname or "localhost", *parts)


def _updated(found: list[tuple[Item, Listing]], changed: datetime | None) -> datetime:
    """When the feed changed last, at the latest: what has left it says so no more, so every change of the archive
    counts, and the instant never goes back."""
    return max((changed or NEVER, *(listing.updated_at for _, listing in found)))


def _entries(
    shelf: Shelf, locale: str, found: list[tuple[Item, Listing]], versions: dict[int, dict[str, Listing]]
) -> Iterable[feeds.Entry]:
    for (item, listing), card in zip(found, shelf.cards(locale, found), strict=True):
        own = alternates(versions.get(item.id, {}), shelf.offered)
        where = locale_of_page(listing.language, shelf.offered) or locale
        version = item.version_in(listing.language)
        yield feeds.Entry(
            id=_id(shelf, "item", item.id, listing.language),
            url=shelf.addresses.item(where if own.get(where) == listing else locale, item.id, listing.slug),
            title=_title(shelf, locale, card),
            language=listing.language,
            published=listing.released_at,
            updated=listing.updated_at,
            summary=_summary(version.abstract) if version else "",
            text=_text(shelf, locale, card),
            authors=tuple(name for name in map(clean, item.authors) if name),
            categories=tuple(_categories(shelf, locale, item)),
            translations=tuple(
                (one.language, shelf.addresses.item(tag, item.id, one.slug))
                for tag, one in own.items()
                if one.language != listing.language
            ),
        )


def _title(shelf: Shelf, locale: str, card: Card) -> str:
    """The title, and its language where that is not the feed's: few feed readers tell."""
    if not card.foreign:
        return card.title
    said = shelf.texts(locale).pgettext("subject", "%(title)s [%(in_language)s]")
    return said % {"title": card.title, "in_language": shelf.items(locale).voice.wording.in_language(card.language)}


def _summary(abstract: str) -> str:
    """The first paragraphs of an abstract."""
    said: list[str] = []
    room = SUMMARY
    for paragraph in paragraphs(abstract):
        if room < SUMMARY // 4:
            break
        said.append(cut_at_sentence(paragraph, room))
        room -= len(said[-1])
    return "\n".join(said)


def _text(shelf: Shelf, locale: str, card: Card) -> str:
    """What there is to tell beside the abstract: when a session is, the figures and where they are from."""
    said = [card.when, card.figures_of]
    for one in card.figures:
        change = f" ({one.change})" if one.change else ""
        said.append(f"{one.label} – {one.value}{change}")
    said.append(card.news)
    if card.source:
        said.append(shelf.texts(locale).gettext("Source: %(source)s") % {"source": card.source})
    return "\n".join(part for part in said if part)


def _categories(shelf: Shelf, locale: str, item: Item) -> Iterable[feeds.Category]:
    formats = shelf.pages.formats(locale)
    base = shelf.addresses.base
    for code in item.policy_areas:
        yield feeds.Category(code, f"{base}/topics", formats.policy_area(code))
    for code in item.places:
        yield feeds.Category(code, f"{base}/places", formats.place(code))
    yield feeds.Category(item.kind, f"{base}/kinds", formats.capitalised(formats.kind(item.kind)))
