"""The items that may go into an edition."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from tribune.domain.digests import Digest
from tribune.domain.items import Item, Release
from tribune.domain.matching import importance, over
from tribune.ports.store import Transaction
from tribune.services.audience.refresh_masks import Masker
from tribune.services.planning.match_items import Candidate


def find_candidates(
    tx: Transaction,
    digest: Digest,
    since: int,
    horizon: int,
    carried: Collection[int],
    mask: Masker,
    at: datetime,
) -> list[Candidate]:
    """Items released after the number `since`, up to `horizon`, and those carried over; the most important first.

    Left out: what was withdrawn, kinds that the digest does not take, and live sessions that have ended.
    """
    fresh = {release.item_id for release in tx.catalogue.releases_after(since) if release.sequence <= horizon}
    asked = tx.catalogue.items(fresh | set(carried))
    # By the id that each goes by now: two may have become one since they were listed.
    items = {item.id: item for item in asked.values()}
    new = {asked[id].id for id in fresh if id in asked}
    releases = {
        id: [release for release in told if release.sequence <= horizon]
        for id, told in tx.catalogue.releases_of(items).items()
    }
    live = {
        id: item
        for id, item in items.items()
        if item.withdrawn_at is None
        and (not digest.kinds or item.kind in digest.kinds)
        and not over(item, at)
        and releases.get(id)
    }
    reclassified = _reclassified(tx, live, releases)
    again = tx.planning.announced_again(live)
    found = [
        Candidate(
            item=item,
            releases=tuple(releases[id]),
            words=mask.item(item),
            again=frozenset(release.sequence for release in releases[id]) & again,
            reclassified=id in reclassified,
            new=id in new,
        )
        for id, item in live.items()
    ]
    return sorted(found, key=lambda c: importance(c.item, c.releases, at))


def _reclassified(tx: Transaction, items: Mapping[int, Item], releases: Mapping[int, list[Release]]) -> set[int]:
    """Items whose kind, topics or places were others at some time."""
    keys = {(id, version) for id, item in items.items() for version in range(1, item.version)}
    former = tx.catalogue.items_at(keys) if keys else {}
    return {id for (id, _), item in former.items() if _classification(item) != _classification(items[id])}


def _classification(item: Item) -> tuple[str, frozenset[str], frozenset[str]]:
    return item.kind, frozenset(item.policy_areas), frozenset(item.places)
