"""Items as the public may see them: visible language versions only, and nothing of what waits under an embargo."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from tribune.domain.archive import Listing
from tribune.domain.items import Item

if TYPE_CHECKING:
    from tribune.ports.store import Transaction


def visible(item: Item) -> Item | None:
    """The item with its visible versions, or None where it has none."""
    if item.withdrawn_at is not None:
        return None
    languages = {release.language for release in item.releases}
    versions = tuple(version for version in item.versions if version.language in languages)
    return replace(item, versions=versions, embargo_until=None) if versions else None


def visible_items(tx: Transaction, ids: Collection[int]) -> dict[int, Item]:
    """Number -> item, of those that are visible."""
    found = {id: visible(item) for id, item in tx.catalogue.items(ids).items()}
    return {id: item for id, item in found.items() if item is not None}


class KeptItems:
    """Items that were read before. A version of an item never changes, so that a listing, which names it, is all that
    has to be read. One per process, safe to share between threads."""

    def __init__(self, most: int = 5_000) -> None:
        self._most = most
        self._items: dict[tuple[int, int], Item] = {}

    def with_items(self, tx: Transaction, listings: Iterable[Listing]) -> list[tuple[Item, Listing]]:
        """Each listing with its item, in the same order."""
        wanted = list(listings)
        kept = {(one.item_id, one.version): self._items.get((one.item_id, one.version)) for one in wanted}
        missing = {id for (id, _), item in kept.items() if item is None}
        if missing:
            if len(self._items) + len(missing) > self._most:
                self._items = {}
            found = {(item.id, item.version): item for item in visible_items(tx, missing).values()}
            self._items.update(found)
            kept.update(found)
        pairs = ((kept.get((one.item_id, one.version)), one) for one in wanted)
        return [(item, one) for item, one in pairs if item is not None and item.version_in(one.language) is not None]
