"""What stands under an item's number: the item, where it has moved to, or that it was withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tribune.domain.archive import Listing, base_language
from tribune.domain.audience import Fallback, shown_language
from tribune.domain.errors import NotFound
from tribune.domain.items import Item
from tribune.services.archive.visible_items import visible

if TYPE_CHECKING:
    from tribune.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class Seen:
    """A visible item. `shown` is the version that the reader gets, `versions` all of them, per base language."""

    item: Item
    shown: Listing
    versions: dict[str, Listing]


@dataclass(frozen=True, slots=True)
class Gone:
    """A tombstone: it was public, and was withdrawn. Nothing of it is told but its number and when."""

    number: int
    withdrawn_at: datetime


def see_item(tx: Transaction, number: int, locale: str) -> Seen | Gone:
    """The item under `number`, which an item that became one with another also keeps. Raises NotFound for what does not
    exist and for what has never been public: the two look the same."""
    item = tx.catalogue.item(number)
    seen = visible(item) if item else None
    if item is None or seen is None:
        if item is not None and item.withdrawn_at is not None and tx.archive.was_released(item.id):
            return Gone(item.id, item.withdrawn_at)
        raise NotFound("There is no such item.")
    versions = tx.archive.versions([item.id]).get(item.id, {})
    languages = [release.language for release in seen.releases]
    shown = shown_language([locale], languages, seen.source_language, Fallback.SOURCE) or languages[0]
    listing = versions.get(base_language(shown))
    if listing is None or seen.version_in(listing.language) is None:
        raise NotFound("There is no such item.")
    return Seen(seen, listing, versions)
