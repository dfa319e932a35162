"""What somebody with these choices would have received in the last days: by the rules by which planning matches, over
the catalogue alone. Nobody's data are read, so it costs the same however many subscribers there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.codelists import Places
from tribune.domain.digests import Digest
from tribune.domain.items import Item, LanguageVersion, Release
from tribune.domain.matching import importance, matches, showing
from tribune.domain.sign_up import Wanted
from tribune.ports.store import Transaction

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Recent:
    """What was released in the last days and is still to be had, the most important first."""

    since: datetime
    items: tuple[tuple[Item, tuple[Release, ...]], ...]
    mark: int
    """The last catalogue sequence number of before."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as they would have been shown it."""

    item: Item
    version: LanguageVersion


def recent_items(tx: Transaction, now: datetime, reach: timedelta = WEEK) -> Recent:
    """What was released within `reach`. The same for everybody: worth keeping for a minute."""
    since = now - reach
    mark = tx.planning.sequence_before(since)
    items = {
        item.id: item for item in tx.catalogue.items({r.item_id for r in tx.catalogue.releases_after(mark)}).values()
    }
    releases = {id: tuple(told) for id, told in tx.catalogue.releases_of(items).items()}
    there = [(item, releases[id]) for id, item in items.items() if item.withdrawn_at is None and releases.get(id)]
    there.sort(key=lambda one: importance(one[0], one[1], now))
    return Recent(since, tuple(there), mark)


def preview_choices(recent: Recent, wanted: Wanted, digests: Mapping[str, Digest], places: Places) -> list[Shown]:
    """Those of the recent items that these choices would have brought, in the language in which each is shown."""
    found = []
    for item, releases in recent.items:
        told = showing(item, releases, recent.mark, wanted.languages, wanted.fallback)
        if told.due and told.language is not None and _wants(wanted, item, digests, places):
            version = item.version_in(told.language)
            if version is not None:
                found.append(Shown(item, version))
    return found


def _wants(wanted: Wanted, item: Item, digests: Mapping[str, Digest], places: Places) -> bool:
    return any(
        (digest := digests.get(wish.digest)) is not None
        and (not digest.kinds or item.kind in digest.kinds)
        and matches(wish.choice, item, places)
        for wish in wanted.subscriptions
    )
