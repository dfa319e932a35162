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


def with_items(tx: Transaction, listings: Iterable[Listing]) -> list[tuple[Item, Listing]]:
    """Each listing with its item, in the same order."""
    wanted = list(listings)
    items = visible_items(tx, {listing.item_id for listing in wanted})
    return [
        (items[one.item_id], one)
        for one in wanted
        if one.item_id in items and items[one.item_id].version_in(one.language) is not None
    ]
