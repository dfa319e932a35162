"""A subscriber's own feed: what their subscriptions ask for, in their languages, without a word about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tribune.domain.archive import Listing, Order, Reading, asks_for
from tribune.domain.audience import Status, Subscriber, frame_locale
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest, Rules
from tribune.domain.items import Item
from tribune.services.archive.visible_items import KeptItems

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

FEED = "feed"
"""The purpose of the tokens in the addresses of own feeds: `/f/TOKEN.atom`."""

ENTRIES = 40


@dataclass(frozen=True, slots=True)
class OwnFeed:
    """What the feed holds, and the locale that speaks around it."""

    locale: str
    items: list[tuple[Item, Listing]]


def own_feed(
    tx: Transaction,
    subscriber: int,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    rules: Rules,
    kept: KeptItems,
) -> OwnFeed | None:
    """The feed, or None where nobody is served under this number any more: erased, unsubscribed, all stopped."""
    person = tx.audience.one(subscriber)
    if person is None or person.status in (Status.UNSUBSCRIBED, Status.PENDING):
        return None
    wanted = [
        asks_for(subscription.choice, codelists.places, digests[subscription.digest].kinds)
        for subscription in person.subscriptions
        if subscription.digest in digests and not _stopped(person, subscription.digest)
    ]
    if not wanted:
        return None
    selections = [selection for selection in wanted if selection is not None]
    locale = frame_locale(person.languages, rules.offered, rules.default_language)
    reading = Reading(person.languages, person.fallback)
    listings = tx.archive.newest(reading, selections, limit=ENTRIES, order=Order.RELEASE) if selections else []
    return OwnFeed(locale, kept.with_items(tx, listings))


def _stopped(person: Subscriber, digest: str) -> bool:
    """Whether they have left this digest in every cadence."""
    rhythms = [rhythm for rhythm in person.rhythms if rhythm.digest == digest]
    return bool(rhythms) and all(rhythm.stopped_at is not None for rhythm in rhythms)
