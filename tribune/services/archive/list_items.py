"""A page of the list of items: the newest, or what a search finds, narrowed to a topic, a place and a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tribune.domain.archive import Listing, Reading, Selection, base_language, places_about
from tribune.domain.audience import Fallback
from tribune.domain.codelists import Codelists
from tribune.domain.errors import NotFound
from tribune.domain.items import Item
from tribune.rendering.public_addresses import Filter
from tribune.services.archive.visible_items import KeptItems

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

PAGE = 20
MOST_FOUND = 200
"""So many hits of a search are shown."""


@dataclass(frozen=True, slots=True)
class ItemList:
    """A page of a list. `total` items in all, on `pages` pages."""

    items: list[tuple[Item, Listing]]
    total: int
    page: int
    pages: int


def checked(narrowed: Filter, codelists: Codelists) -> Filter:
    """The filter, if each of its codes stands in its list. Raises NotFound."""
    known = (
        (narrowed.topic, codelists.policy_areas),
        (narrowed.place, codelists.places),
        (narrowed.kind, codelists.kinds),
    )
    if any(code and code not in codes for code, codes in known):
        raise NotFound("There is no such topic, place or kind.")
    return narrowed


def selection_of(narrowed: Filter, codelists: Codelists) -> list[Selection]:
    """What a filter asks for; nothing where it does not narrow."""
    if not (narrowed.topic or narrowed.place or narrowed.kind):
        return []
    return [
        Selection(
            kinds=frozenset([narrowed.kind]) if narrowed.kind else frozenset(),
            topics=frozenset([narrowed.topic]) if narrowed.topic else frozenset(),
            places=places_about(narrowed.place, codelists.places) if narrowed.place else frozenset(),
        )
    ]


def reading_of(narrowed: Filter, locale: str) -> Reading:
    """Who reads the pages of a locale."""
    return Reading((locale,), Fallback.OMIT if narrowed.own else Fallback.SOURCE)


def list_items(
    tx: Transaction,
    locale: str,
    narrowed: Filter,
    codelists: Codelists,
    kept: KeptItems,
    *,
    text: str = "",
    page: int = 1,
) -> ItemList:
    """The page, or the last one where there are not so many. Raises NotFound for a code that no list has."""
    wanted = selection_of(checked(narrowed, codelists), codelists)
    reading = reading_of(narrowed, locale)
    if text.strip():
        return _found(tx, locale, narrowed, wanted, kept, text, page)
    total = tx.archive.count(reading, wanted)
    pages = max(1, -(-total // PAGE))
    page = min(page, pages)
    listings = tx.archive.newest(reading, wanted, limit=PAGE, offset=(page - 1) * PAGE) if total else []
    return ItemList(kept.with_items(tx, listings), total, page, pages)


def _found(
    tx: Transaction,
    locale: str,
    narrowed: Filter,
    wanted: list[Selection],
    kept: KeptItems,
    text: str,
    page: int,
) -> ItemList:
    hits = tx.archive.found(text, locale, kind=narrowed.kind or None, limit=MOST_FOUND)
    fit = tx.archive.among([item for item, _ in hits], wanted[0] if wanted else Selection())
    versions = tx.archive.versions(fit)
    own = base_language(locale)
    listings = []
    for item, language in hits:
        known = versions.get(item, {})
        listing = known.get(own)
        if listing is None and not narrowed.own:  # an identifier finds an item, in whatever language it is
            listing = known.get(base_language(language)) or next(iter(known.values()), None)
        if listing:
            listings.append(listing)
    pages = max(1, -(-len(listings) // PAGE))
    page = min(page, pages)
    shown = listings[(page - 1) * PAGE : page * PAGE]
    return ItemList(kept.with_items(tx, shown), len(listings), page, pages)
