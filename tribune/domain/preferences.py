"""What a person may change about what they receive, wish by wish. Pure; each rule gives the person as they are then.

Marks are left alone: tribune.services.audience.change_subscribers draws the line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tribune.domain.audience import Cadence, Choice, Rhythm, Subscriber, Subscription
from tribune.domain.changes import FIRST_HOUR, in_order, rhythms_in_order
from tribune.domain.errors import InvalidInput

MOST_WISHES = 20
"""Subscriptions that a person may have to one digest."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """A person's subscriptions to one digest, and when each cadence of it comes: (cadence, weekday, hour)."""

    subscriptions: tuple[Subscription, ...]
    timings: tuple[tuple[Cadence, int, int], ...]


def wishes_of(person: Subscriber, digest: str) -> Wishes:
    """What a person wants of a digest now."""
    return Wishes(
        in_order([s for s in person.subscriptions if s.digest == digest]),
        tuple((r.cadence, r.weekday, r.hour) for r in person.rhythms if r.digest == digest),
    )


def with_wishes(person: Subscriber, digest: str, wishes: Wishes) -> Subscriber:
    """With these subscriptions to a digest instead of those that there were. A cadence that nothing comes in goes."""
    before = {r.cadence: r for r in person.rhythms if r.digest == digest}
    told = {cadence: (weekday, hour) for cadence, weekday, hour in wishes.timings}
    known = next(iter(before.values()), None)
    rhythms = [r for r in person.rhythms if r.digest != digest]
    for cadence in {s.cadence for s in wishes.subscriptions}:
        was = before.get(cadence)
        weekday, hour = told.get(cadence, (was.weekday, was.hour) if was else (0, FIRST_HOUR))
        if cadence is Cadence.AT_ONCE:
            weekday, hour = 0, 0
        if was is not None:
            rhythms.append(replace(was, weekday=weekday, hour=hour))
        else:
            stopped_at = known.stopped_at if known else None
            rhythms.append(Rhythm(digest, cadence, weekday, hour, known.mark if known else 0, None, stopped_at))
    others = [s for s in person.subscriptions if s.digest != digest]
    subscriptions = in_order([*others, *dict.fromkeys(wishes.subscriptions)])
    return replace(person, subscriptions=subscriptions, rhythms=rhythms_in_order(rhythms))


# -- one wish among several


def wish_key(wish: Subscription) -> str:
    """What names a subscription on a page: it changes when the subscription does."""
    kept = json.dumps([wish.digest, wish.cadence.value, _choice_told(wish.choice)])
    return hashlib.blake2b(kept.encode(), digest_size=6).hexdigest()


def wish_named(person: Subscriber, key: str) -> Subscription | None:
    """The subscription of that name; None where it has changed meanwhile."""
    return next((wish for wish in person.subscriptions if wish_key(wish) == key), None)


def with_choice(person: Subscriber, key: str, choice: Choice) -> Subscriber:
    """With another choice in the subscription of that name. Raises InvalidInput where there is none such."""
    old = _named(person, key)
    wishes = wishes_of(person, old.digest)
    changed = tuple(replace(s, choice=choice) if s == old else s for s in wishes.subscriptions)
    return with_wishes(person, old.digest, replace(wishes, subscriptions=changed))


def with_timing(person: Subscriber, key: str, cadence: Cadence, weekday: int, hour: int, zone: str) -> Subscriber:
    """With the subscription of that name in this rhythm, and the person in this zone. Others of the same digest and
    cadence come then as well. Raises InvalidInput where there is none such."""
    old = _named(person, key)
    wishes = wishes_of(person, old.digest)
    changed = tuple(replace(s, cadence=cadence) if s == old else s for s in wishes.subscriptions)
    timings = [told for told in wishes.timings if told[0] is not cadence]
    after = with_wishes(person, old.digest, Wishes(changed, (*timings, (cadence, weekday, hour))))
    return replace(after, zone=zone)


def _named(person: Subscriber, key: str) -> Subscription:
    wish = wish_named(person, key)
    if wish is None:
        raise InvalidInput("What you receive has changed meanwhile.", where="of", hint="Look at it as it is now.")
    return wish


# -- topics


def without_topics(person: Subscriber, digest: str, topics: Collection[str], every: Iterable[str]) -> Subscriber | None:
    """With these policy areas left out of a digest. Who wanted any wants all others of `every` then. None where nothing
    would be left: that is to stop the digest, as an empty choice means any."""
    wishes = wishes_of(person, digest)
    kept = []
    for wish in wishes.subscriptions:
        left = frozenset(wish.choice.policy_areas or every) - frozenset(topics)
        if left:
            kept.append(replace(wish, choice=replace(wish.choice, policy_areas=left)))
    return with_wishes(person, digest, replace(wishes, subscriptions=tuple(kept))) if kept else None


def with_topics_only(person: Subscriber, digest: str, topics: Collection[str]) -> Subscriber:
    """With nothing but these policy areas of a digest: of each subscription what it has in common with them. Where none
    has anything in common, the first takes them."""
    wishes = wishes_of(person, digest)
    wanted = frozenset(topics)
    kept = [
        replace(wish, choice=replace(wish.choice, policy_areas=common))
        for wish in wishes.subscriptions
        if (common := wanted & wish.choice.policy_areas if wish.choice.policy_areas else wanted)
    ]
    if not kept:
        kept = [replace(wish, choice=replace(wish.choice, policy_areas=wanted)) for wish in wishes.subscriptions[:1]]
    return with_wishes(person, digest, replace(wishes, subscriptions=tuple(kept)))


# -- undoing


def packed(wishes: Wishes) -> str:
    """Wishes as one word that a token can carry."""
    told = [
        [[s.digest, s.cadence.value, _choice_told(s.choice)] for s in wishes.subscriptions],
        [[cadence.value, weekday, hour] for cadence, weekday, hour in wishes.timings],
    ]
    small = zlib.compress(json.dumps(told, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(small).decode().rstrip("=")


def unpacked(word: str) -> Wishes:
    """What `packed` gave. For words out of a token whose signature was checked."""
    kept, timings = json.loads(zlib.decompress(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))))
    return Wishes(
        tuple(Subscription(digest, Cadence(cadence), _choice(choice)) for digest, cadence, choice in kept),
        tuple((Cadence(cadence), weekday, hour) for cadence, weekday, hour in timings),
    )


def fingerprint(wishes: Wishes) -> str:
    """Tells whether wishes are still as they were."""
    return hashlib.blake2b(packed(wishes).encode(), digest_size=8).hexdigest()


def _choice_told(choice: Choice) -> list[list[str]]:
    return [sorted(choice.policy_areas), sorted(choice.places), sorted(choice.kinds)]


def _choice(told: Sequence[Any]) -> Choice:
    return Choice(*(frozenset(axis) for axis in told))
