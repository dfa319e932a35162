"""From a mail, a reader leaves topics out, or keeps only some: between all of it and nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.audience import Subscriber
from tribune.domain.changes import stopped
from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest
from tribune.domain.errors import InvalidInput
from tribune.domain.preferences import (
    Wishes,
    fingerprint,
    wishes_of,
    with_topics_only,
    with_wishes,
    without_topics,
)
from tribune.ports.store import Transaction
from tribune.services.audience.change_preferences import How, change_preferences


@dataclass(frozen=True, slots=True)
class TopicsChosen:
    """What became of it: `changed` at all, and whether nothing was left, so that the digest was stopped. `before` and
    `now` (a fingerprint) are what undoing it needs."""

    changed: bool
    stopped: bool = False
    before: Wishes | None = None
    now: str = ""


def topics_of_mail(
    tx: Transaction, subscriber_id: int, digest: str, mailing: int | None, codelists: Codelists
) -> list[str]:
    """The policy areas that a mail was about, as far as the person asks for them; in the order of the mail. Where
    nobody knows the mail (any more), those that the person named themselves."""
    mine = [choices.policy_areas for choices in tx.audience.choices([subscriber_id], digest).get(subscriber_id, ())]
    named = frozenset().union(*mine)
    asked = named if all(mine) else None  # None: any
    found = tx.ledger.deliveries(mailing, subscriber=subscriber_id, limit=1) if mailing else []
    areas: dict[str, None] = {}
    for one in found:
        content = tx.ledger.contents(one.mailing, [one.signature]).get(one.signature)
        keys = [(key.item, key.version) for key in content.fragments] if content else []
        items = tx.catalogue.items_at(set(keys))
        for key in keys:
            areas.update(dict.fromkeys(items[key].policy_areas if key in items else ()))
    if not areas:
        areas = dict.fromkeys(sorted(named))
    return [area for area in areas if area in codelists.policy_areas and (asked is None or area in asked)]


def leave_topics_out(
    tx: Transaction,
    subscriber_id: int,
    digest: Digest,
    topics: Collection[str],
    codelists: Codelists,
    reach_back: timedelta,
    now: datetime,
    network: str = "",
) -> TopicsChosen:
    """Leave policy areas out of a digest; where that is all of it, stop it. Raises NotFound, and InvalidInput where no
    known area is named."""
    wanted = _known(topics, codelists)
    every = [known.code for known in codelists.policy_areas]

    def how(person: Subscriber) -> Subscriber:
        return without_topics(person, digest.id, wanted, every) or stopped(person, digest.id, now)

    return _change(tx, subscriber_id, digest, how, codelists, reach_back, now, network)


def keep_topics_only(
    tx: Transaction,
    subscriber_id: int,
    digest: Digest,
    topics: Collection[str],
    codelists: Codelists,
    reach_back: timedelta,
    now: datetime,
    network: str = "",
) -> TopicsChosen:
    """Keep only these policy areas of a digest. Raises as `leave_topics_out`."""
    wanted = _known(topics, codelists)

    def how(person: Subscriber) -> Subscriber:
        return with_topics_only(person, digest.id, wanted)

    return _change(tx, subscriber_id, digest, how, codelists, reach_back, now, network)


def undo_topics(
    tx: Transaction,
    subscriber_id: int,
    digest: Digest,
    before: Wishes,
    as_of: str,
    codelists: Codelists,
    reach_back: timedelta,
    now: datetime,
    network: str = "",
) -> bool:
    """Back to what it was `before`. False where things have changed since (`as_of`). Raises NotFound."""

    def how(person: Subscriber) -> Subscriber:
        same = fingerprint(wishes_of(person, digest.id)) == as_of
        return with_wishes(person, digest.id, before) if same else person

    return _change(tx, subscriber_id, digest, how, codelists, reach_back, now, network).changed


def _change(
    tx: Transaction,
    subscriber_id: int,
    digest: Digest,
    how: How,
    codelists: Codelists,
    reach_back: timedelta,
    now: datetime,
    network: str = "",
) -> TopicsChosen:
    before, after = change_preferences(
        tx, subscriber_id, how, {digest.id: digest}, codelists, reach_back, now, network=network
    )
    if before == after:
        return TopicsChosen(False)
    told = wishes_of(after, digest.id)
    is_stopped = any(r.stopped_at == now for r in after.rhythms if r.digest == digest.id)
    return TopicsChosen(True, is_stopped, wishes_of(before, digest.id), fingerprint(told))


def _known(topics: Collection[str], codelists: Codelists) -> list[str]:
    found = [topic for topic in topics if topic in codelists.policy_areas]
    if not found:
        raise InvalidInput("No topic was chosen.", where="topic", hint="Choose one at least.")
    return found
