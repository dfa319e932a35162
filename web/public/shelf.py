"""What the pages of the archive share: addresses, words, and the answer that may be kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.archive import Listing
from tribune.domain.codelists import PlaceType, fold
from tribune.domain.items import Item
from tribune.rendering.email.fragments import Voice
from tribune.rendering.locales import Texts
from tribune.rendering.public_addresses import Addresses, Filter
from tribune.rendering.public_items import Card, PublicItems
from tribune.services.archive.visible_items import KeptItems
from web.pages import Pages
from web.public import caching
from web.public.frame import Public
from web.public.meta import Meta, og_locale

_TAKEN = re.compile(r"[1-9][0-9]{0,5}")


class Shelf:
    """Shows the pages of the archive. Paths in pages are relative to the site, what machines read is absolute."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self.app = app
        self.pages = pages
        self.public = Public(app, pages)
        self.offered = pages.offered
        self.default = app.organisation.default_language
        self.paths = Addresses()
        self.codelists = app.codelists
        self.kept = KeptItems()
        self._items: dict[str, PublicItems] = {}
        self._places: dict[tuple[str, PlaceType], list[tuple[str, str]]] = {}

    @property
    def addresses(self) -> Addresses:
        """Absolute addresses: as readers reach the site, which a site that serves itself learns when it has begun."""
        return Addresses(self.app.base_url.rstrip("/"))

    def items(self, locale: str) -> PublicItems:
        """Items in the words of a locale."""
        found = self._items.get(locale)
        if found is None:
            voice = Voice(locale, self.app.translations, self.codelists, self.default)
            found = self._items[locale] = PublicItems(voice, self.paths)
        return found

    def cards(self, locale: str, found: Iterable[tuple[Item, Listing]], place: str = "") -> list[Card]:
        """Items as a list shows them; `place`: of which place the list is."""
        items = self.items(locale)
        return [items.card_of_place(item, listing, place) for item, listing in found]

    def texts(self, locale: str) -> Texts:
        return self.app.translations.gettext(locale)

    def show(self, request: Request, template: str, place: str, meta: Meta, **facts: Any) -> Response:
        """A page that anybody may keep for a while."""
        told = {"meta": meta, "og_locale": og_locale, "paths": self.paths, "title": meta.title, **facts}
        response = self.public.show(request, template, place=place, **told)
        return caching.kept(request, response, seconds=caching.PAGES)

    def everywhere(self, request: Request) -> tuple[dict[str, str], str]:
        """The same page in every language, for a page that all have; and its default address."""
        locale = self.public.locale(request)
        rest = request.url.path.removeprefix(f"/{locale}")
        base = self.addresses.base
        alternates = {tag: f"{base}/{tag}{rest}" for tag in self.offered}
        return alternates, alternates[self.default]

    def feed_title(self, locale: str, what: str) -> str:
        """What a feed is called: whose it is, and what it holds ("": everything)."""
        organisation = self.app.organisation.name(locale)
        pattern = self.texts(locale).gettext("%(organisation)s: %(what)s")
        return pattern % {"organisation": organisation, "what": what} if what else organisation

    def feeds(self, locale: str, title: str, narrowed: Filter) -> tuple[tuple[str, str, str], ...]:
        """The feeds of a list."""
        return (
            ("application/atom+xml", f"{title} (Atom)", self.paths.feed(locale, "atom", narrowed)),
            ("application/feed+json", f"{title} (JSON Feed)", self.paths.feed(locale, "json", narrowed)),
        )

    def sorted_topics(self, locale: str) -> list[tuple[str, str]]:
        """Code and name of the policy areas, in the order of the alphabet."""
        told = [(area.code, area.label(locale)) for area in self.codelists.policy_areas]
        return sorted(told, key=lambda pair: fold(pair[1]))

    def sorted_places(self, locale: str, kind: PlaceType) -> list[tuple[str, str]]:
        """Code and name of the places of a type, in the order of the alphabet."""
        found = self._places.get((locale, kind))
        if found is None:
            told = [(place.code, place.name.label(locale)) for place in self.codelists.places.of_type(kind)]
            found = self._places[locale, kind] = sorted(told, key=lambda pair: fold(pair[1]))
        return found

    def name_of(self, narrowed: Filter, locale: str) -> str:
        """What a filter leaves: `Wages – Senegal – Reports`; "" for everything."""
        formats = self.pages.formats(locale)
        said = [formats.policy_area(narrowed.topic)] if narrowed.topic else []
        said += [formats.place(narrowed.place)] if narrowed.place else []
        said += [formats.capitalised(formats.kinds(narrowed.kind))] if narrowed.kind else []
        return " – ".join(said)


def filter_of(query: Mapping[str, str]) -> Filter:
    """The filter in a query. Codes are checked against the lists where it is used."""
    return Filter(
        topic=query.get("topic", "")[:60],
        place=query.get("place", "")[:60],
        kind=query.get("kind", "")[:60],
        own=query.get("fallback", "") == "omit",
    )


def page_of(query: Mapping[str, str]) -> int:
    """The page number in a query, 1 where there is none. Raises HTTPException 404 for what is no number."""
    told = query.get("page", "1")
    if not _TAKEN.fullmatch(told):
        raise HTTPException(404)
    return int(told)
