"""What the home page shows: the newest items, the ways in, the last issues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tribune.domain.archive import Listing, PublicEdition, Reading
from tribune.domain.codelists import Codelists, PlaceType
from tribune.domain.digests import Digest
from tribune.domain.items import Item
from tribune.services.archive.list_editions import latest_editions
from tribune.services.archive.visible_items import KeptItems

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

NEWEST = 8
ISSUES = 4
WORLD = "001"


@dataclass(frozen=True, slots=True)
class FrontPage:
    """The newest items first; codes of topics that items name; regions of the world; the last issues."""

    newest: list[tuple[Item, Listing]]
    topics: list[str]
    regions: list[str]
    editions: list[PublicEdition]


def front_page(
    tx: Transaction, locale: str, codelists: Codelists, digests: Mapping[str, Digest], kept: KeptItems
) -> FrontPage:
    """The home page of a locale, with the last issues of these digests."""
    named = tx.archive.named("topics", [area.code for area in codelists.policy_areas])
    return FrontPage(
        newest=kept.with_items(tx, tx.archive.newest(Reading((locale,)), limit=NEWEST)),
        topics=[area.code for area in codelists.policy_areas if area.code in named],
        regions=[place.code for place in codelists.places.of_type(PlaceType.REGION) if place.within == WORLD],
        editions=latest_editions(tx, digests, ISSUES),
    )
