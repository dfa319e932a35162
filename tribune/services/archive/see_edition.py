"""A public edition: everything that was released for a digest up to the day of an issue, since the issue before.

It is no person's own copy (decisions.md, 12). An issue leaves at many instants, as its readers' days begin: the public
edition covers from the first instant of their issue before (a day, a week or a month ago) to the last planning of its
own, so that whatever anybody's copy left out for want of room stands here (docs/adr/0028). What is in it follows from
releases up to that last instant alone, so it stays as it is; only what is withdrawn goes. A digest that is no longer
offered keeps its issues; of one that was taken out of the settings nobody knows which kinds it took, and its issues
show everything that was new at their time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tribune.domain.archive import ISSUES, Listing, PublicEdition, base_language
from tribune.domain.audience import Cadence, Fallback, shown_language
from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.domain.items import Item, Release
from tribune.domain.matching import standing
from tribune.services.archive.visible_items import KeptItems

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

PAGE = 30


@dataclass(frozen=True, slots=True)
class SeenEdition:
    """An issue. `since` and `until` bound the releases in it; `gone` counts what has been withdrawn since."""

    edition: PublicEdition
    since: datetime
    until: datetime
    items: list[tuple[Item, Listing]]
    total: int
    gone: int
    page: int
    pages: int

    @property
    def withdrawn(self) -> bool:
        """Whether all that stood in it has been withdrawn."""
        return self.gone > 0 and not self.total


def see_edition(
    tx: Transaction, digest: Digest, cadence: Cadence, occasion: str, locale: str, kept: KeptItems, page: int = 1
) -> SeenEdition:
    """The issue as the pages of `locale` show it. Raises NotFound for one that has not begun to leave."""
    edition = tx.archive.edition(digest.id, cadence, occasion) if cadence in ISSUES else None
    if edition is None:
        raise NotFound("There is no such issue.")
    until = edition.planned_until
    since = edition.since(tx.archive.first_dues([edition.before]).get(edition.before))
    released = tx.archive.releases_between(since, until)
    numbers = _shown_then(tx, released, until, locale)
    versions = tx.archive.versions(numbers)
    others = tx.archive.others(numbers)
    listings = [
        versions.get(number, {}).get(base_language(locale)) or others[number] for number in numbers if number in others
    ]
    listings = [one for one in listings if not digest.kinds or one.kind in digest.kinds]
    place = {number: at for at, number in enumerate(reversed(numbers))}
    listings.sort(key=lambda one: (standing(one.kind), place[one.item_id]))
    pages = max(1, -(-len(listings) // PAGE))
    page = min(page, pages)
    shown = kept.with_items(tx, listings[(page - 1) * PAGE : page * PAGE])
    gone = _withdrawn(tx, digest, edition, [number for number in numbers if number not in others])
    return SeenEdition(edition, since, until, shown, len(listings), gone, page, pages)


def _withdrawn(tx: Transaction, digest: Digest, edition: PublicEdition, numbers: Collection[int]) -> int:
    """How many of these, which are not visible, were withdrawn once the issue had left: not those that nobody was sent
    and not those that became one with another."""
    found = tx.catalogue.items(numbers) if numbers else {}
    every = {item.id: item for item in found.values() if not digest.kinds or item.kind in digest.kinds}
    return sum(item.withdrawn_at is not None and item.withdrawn_at >= edition.first_due for item in every.values())


def _shown_then(tx: Transaction, released: Sequence[Release], until: datetime, locale: str) -> list[int]:
    """The items of which the version that `locale` is shown was released among `released`, in order of release.

    A version of one's own language that comes later is news on its pages; on all others the item was news before.
    """
    candidates = list(dict.fromkeys(release.item_id for release in released))
    known = tx.archive.released_until(candidates, until)
    sources = tx.archive.source_languages(candidates)
    inside = {(release.item_id, release.language) for release in released}
    return [
        number
        for number in candidates
        if (number, _shown(known.get(number, ()), sources.get(number, ""), locale)) in inside
    ]


def _shown(languages: Collection[str], source_language: str, locale: str) -> str | None:
    return shown_language([locale], languages, source_language, Fallback.SOURCE)
