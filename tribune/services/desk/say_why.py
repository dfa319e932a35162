"""Say why people were shown an item, or why not: the rules of tribune.domain.matching, asked person by person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice

from tribune.domain.audience import Cadence, Choice, Status, Subscriber
from tribune.domain.codelists import Places
from tribune.domain.digests import Digest
from tribune.domain.items import Item, Release
from tribune.domain.mailings import FragmentKey, Mailing
from tribune.domain.matching import cadence_of, matches, mismatch, showing
from tribune.domain.sending import name_of
from tribune.ports.store import Transaction
from tribune.ports.stories import Shown

LOOK_AT = 500
"""How many subscribers are asked: enough to see why, quick enough for a page."""

EXAMPLES = 3


class Why(StrEnum):
    """Why somebody was not shown an item."""

    STOPPED = "stopped"  # does not receive digests now
    NOT_ASKED = "not_asked"  # no subscription of theirs asks for it; `axes` say where it fails
    LANGUAGE = "language"  # in none of their languages, and they do not want others
    NEXT = "next"  # comes with their next mail of `cadence`
    BEFORE = "before"  # was out before their subscription began
    CARRIED = "carried"  # their mail was cancelled, or beyond their daily cap: comes with their next one
    NO_ROOM = "no_room"  # did not fit into the mail that was to bring it


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not. `axes` are of "topics", "places", "kinds"; `cadence` for NEXT, `digest` while BEFORE is looked into."""

    why: Why
    axes: tuple[str, ...] = ()
    cadence: Cadence | None = None
    digest: str = ""


@dataclass(slots=True)
class Group:
    """People who share a reason, counted, with some of them as examples."""

    reason: Reason
    people: int = 0
    examples: list[Subscriber] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far an item reached: who was not shown it, by reason, the largest group first. `looked_at` of `everyone`."""

    groups: Sequence[Group]
    looked_at: int
    everyone: int


@dataclass(frozen=True, slots=True)
class Because:
    """An item in a person's mail: the language it is shown in, and the choices of theirs that asked for it."""

    item: Item
    fragment: FragmentKey
    choices: tuple[Choice, ...]


def say_why_not(
    tx: Transaction,
    item: Item,
    releases: Sequence[Release],
    shown: Collection[Shown],
    digests: Mapping[str, Digest],
    places: Places,
) -> Reach:
    """Why those who are in nothing of what was `shown` were not shown a released item."""
    groups: dict[Reason, Group] = {}
    again = tx.planning.announced_again([item.id])
    people = list(islice(tx.audience.everyone(), LOOK_AT))
    readers = tx.stories.readers([person.id for person in people], shown)
    rooms = _Rooms(tx, [person.id for person in people], releases[0].released_at)
    carried: dict[int, set[int]] = {}
    for digest in digests:
        for row in tx.audience.carried([person.id for person in people], digest):
            carried.setdefault(row.subscriber, set()).add(row.item)
    for person in people:
        if person.id not in readers:
            reason = why_not(person, item, releases, digests, places, again)
            if reason.why is Why.BEFORE and item.id in carried.get(person.id, ()):
                reason = Reason(Why.CARRIED)
            elif reason.why is Why.BEFORE and rooms.too_few(person.id, reason.digest):
                reason = Reason(Why.NO_ROOM)
            elif reason.why is Why.BEFORE:
                reason = Reason(Why.BEFORE)
            group = groups.setdefault(reason, Group(reason))
            group.people += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(person)
    in_order = sorted(groups.values(), key=lambda group: -group.people)
    return Reach(in_order, len(people), sum(tx.audience.count().values()))


def why_not(
    person: Subscriber,
    item: Item,
    releases: Sequence[Release],
    digests: Mapping[str, Digest],
    places: Places,
    again: Collection[int] = (),
) -> Reason:
    """Why this person has not been shown this item. `again` as in tribune.domain.matching.showing."""
    open_ = [r for r in person.rhythms if r.stopped_at is None]
    if person.status is not Status.ACTIVE or not open_:
        return Reason(Why.STOPPED)
    failed: list[tuple[str, ...]] = []
    for digest in dict.fromkeys(rhythm.digest for rhythm in open_):
        told = digests.get(digest)
        if told is not None and told.kinds and item.kind not in told.kinds:
            failed.append(("kinds",))
            continue
        cadence = cadence_of(person.subscriptions, digest, item, places)
        if cadence is None:
            failed += [mismatch(s.choice, item, places) for s in person.subscriptions if s.digest == digest]
            continue
        mark = next((r.mark for r in open_ if r.digest == digest and r.cadence is cadence), 0)
        stands = showing(item, releases, mark, person.languages, person.fallback, again)
        if stands.language is None:
            return Reason(Why.LANGUAGE)
        return Reason(Why.NEXT, cadence=cadence) if stands.due else Reason(Why.BEFORE, digest=digest)
    return Reason(Why.NOT_ASKED, axes=min(failed, key=len, default=()))


class _Rooms:
    """Whether mails had room for all that there was to tell. Many people share a mailing and a content."""

    def __init__(self, tx: Transaction, among: Collection[int], out: datetime) -> None:
        self._tx, self._out = tx, out
        self._places = tx.stories.places(among)
        self._mailings: dict[int, Mailing | None] = {}
        self._full: dict[tuple[int, int], bool] = {}

    def too_few(self, subscriber: int, digest: str) -> bool:
        """Whether the first mail of a digest that a person got after the item was out had more to tell than it held."""
        for id, chunk, place in reversed(self._places.get(subscriber, ())):
            mailing = self._mailing(id)
            if mailing and mailing.edition and mailing.digest == digest and mailing.planned_at >= self._out:
                found = self._tx.stories.delivery(id, chunk, place)
                return found is not None and self._had_more(id, found[1])
        return False

    def _mailing(self, id: int) -> Mailing | None:
        if id not in self._mailings:
            self._mailings[id] = self._tx.ledger.mailing(id)
        return self._mailings[id]

    def _had_more(self, mailing: int, signature: int) -> bool:
        if (mailing, signature) not in self._full:
            content = self._tx.ledger.contents(mailing, [signature]).get(signature)
            self._full[mailing, signature] = content is not None and content.more > 0
        return self._full[mailing, signature]


def say_why(tx: Transaction, delivery: str, places: Places) -> list[Because]:
    """Why the items of a delivery (`12.0.37`) are in it, in the order of the mail; empty where it is not known."""
    parts = delivery.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return []
    mailing_id, chunk, place = map(int, parts)
    mailing, found = tx.ledger.mailing(mailing_id), tx.stories.delivery(mailing_id, chunk, place)
    if mailing is None or found is None or delivery != name_of(mailing_id, chunk, place):
        return []
    content = tx.ledger.contents(mailing_id, [found[1]]).get(found[1])
    person = tx.audience.one(found[0])
    if content is None:
        return []
    items = tx.catalogue.items_at({(key.item, key.version) for key in content.fragments})
    # What goes with a campaign staff chose, whatever its reader asked for.
    subscriptions = person.subscriptions if person and mailing.campaign is None else ()
    wishes = [s for s in subscriptions if s.digest == mailing.digest]
    return [
        Because(item, key, tuple(s.choice for s in wishes if matches(s.choice, item, places)))
        for key in content.fragments
        if (item := items.get((key.item, key.version))) is not None
    ]
