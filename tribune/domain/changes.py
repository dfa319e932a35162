"""What a person may change about their subscriptions, as pure rules. Each gives the person as they are then."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta

from tribune.domain.audience import Cadence, Rhythm, Status, Subscriber, Subscription
from tribune.domain.matching import mark_after_pause
from tribune.domain.schedule import due_on
from tribune.domain.zones import zone

FIRST_HOUR = 8
"""The hour of a daily mail for somebody who had it at once before, and so never chose one."""


def stopped(person: Subscriber, digest: str | None, now: datetime) -> Subscriber:
    """Without this digest (None: without any). The subscriptions are kept, and the day on which a pause ends, so that
    undoing it is exact."""
    rhythms = tuple(
        replace(r, stopped_at=now) if r.stopped_at is None and digest in (None, r.digest) else r for r in person.rhythms
    )
    nothing_left = all(r.stopped_at is not None for r in rhythms)
    if not nothing_left or person.status is Status.UNSUBSCRIBED:
        return replace(person, rhythms=rhythms)
    return replace(person, rhythms=rhythms, status=Status.UNSUBSCRIBED)


def subscribed_again(person: Subscriber, digest: str | None, before_reach: int, now: datetime) -> Subscriber:
    """With this digest again (None: with all that were stopped last, together).

    Who stopped everything in a pause until a day is back in that pause, unless the day has come. One without an end
    is not gone back to: nothing would ever come of their wish. What
    was released meanwhile is made up for as after a pause: no further back than `before_reach`.
    """
    last = max((r.stopped_at for r in person.rhythms if r.stopped_at is not None), default=None)
    rhythms = tuple(
        replace(r, stopped_at=None, mark=mark_after_pause(r.mark, before_reach))
        if r.stopped_at is not None and (r.digest == digest or (digest is None and r.stopped_at == last))
        else r
        for r in person.rhythms
    )
    if rhythms == person.rhythms or person.status is not Status.UNSUBSCRIBED:
        return replace(person, rhythms=rhythms)
    if person.paused_until is not None and person.paused_until > now:
        return replace(person, rhythms=rhythms, status=Status.PAUSED)
    return replace(person, rhythms=rhythms, status=Status.ACTIVE, paused_until=None)


def resumed(person: Subscriber, before_reach: int) -> Subscriber:
    """Active after a pause: what was released meanwhile is made up for, no further back than `before_reach`."""
    rhythms = tuple(replace(r, mark=mark_after_pause(r.mark, before_reach)) for r in person.rhythms)
    return replace(person, rhythms=rhythms, status=Status.ACTIVE, paused_until=None)


def pause_ends_at(day: date, zone_name: str) -> datetime:
    """The instant at which a day begins in a zone; where the zone skips that day, the next one."""
    while (instant := due_on(day, 0, zone(zone_name))) is None:
        day += timedelta(days=1)
    return instant


def same_day_there(before: Subscriber, after: Subscriber) -> Subscriber:
    """`after`, with a pause that ends on the day that was told `before`, where they are now."""
    if before.zone == after.zone or before.paused_until is None or after.paused_until is None:
        return after
    day = before.paused_until.astimezone(zone(before.zone)).date()
    return replace(after, paused_until=pause_ends_at(day, after.zone))


def next_slower(person: Subscriber, digest: str, offered: Collection[Cadence]) -> tuple[Cadence, Cadence] | None:
    """The quickest cadence in which a person has a digest, and the next slower one that it offers (None: none is)."""
    mine = [s.cadence for s in person.subscriptions if s.digest == digest]
    quickest = min(mine, key=lambda cadence: cadence.rank, default=None)
    if quickest is None:
        return None
    slower = [cadence for cadence in Cadence if cadence.rank > quickest.rank and cadence in offered]
    return (quickest, slower[0]) if slower else None


def slowed(person: Subscriber, digest: str, old: Cadence, new: Cadence) -> Subscriber:
    """With the subscriptions of one cadence moved to another. A rhythm that exists there stands; else the weekday and
    hour go along."""
    wishes = dict.fromkeys(
        replace(s, cadence=new) if s.digest == digest and s.cadence is old else s for s in person.subscriptions
    )
    kept = [r for r in person.rhythms if not (r.digest == digest and r.cadence is old)]
    before = next(r for r in person.rhythms if r.digest == digest and r.cadence is old)
    if not any(r.digest == digest and r.cadence is new for r in kept):
        hour = FIRST_HOUR if old is Cadence.AT_ONCE else before.hour
        kept.append(Rhythm(digest, new, before.weekday, hour, before.mark, None, before.stopped_at))
    return replace(person, subscriptions=in_order(wishes), rhythms=rhythms_in_order(kept))


def in_order(wishes: Collection[Subscription]) -> tuple[Subscription, ...]:
    """Subscriptions in the one order in which they are kept, whatever order they were told in."""
    return tuple(wishes) if len(wishes) < 2 else tuple(sorted(wishes, key=_order))


def rhythms_in_order(rhythms: Collection[Rhythm]) -> tuple[Rhythm, ...]:
    """Rhythms in the one order in which they are kept."""
    return tuple(rhythms) if len(rhythms) < 2 else tuple(sorted(rhythms, key=lambda r: (r.digest, r.cadence.rank)))


def _order(wish: Subscription) -> tuple[str, int, list[str], list[str], list[str]]:
    choice = wish.choice
    return wish.digest, wish.cadence.rank, sorted(choice.policy_areas), sorted(choice.places), sorted(choice.kinds)
