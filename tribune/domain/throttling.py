"""How fast mail may leave, over all workers: per channel, and per recipient domain group. Pure rules.

A rate is kept as the instant at which the next mail may leave ("virtual scheduling", the generic cell rate algorithm of
ITU-T I.371): whoever wants to send takes the next instants and moves it on. One number a group, no clock to tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

AHEAD = timedelta(seconds=10)
"""How far ahead instants are given out: what a sender that dies takes with it."""

ASK_AGAIN = timedelta(minutes=1)
"""Nobody is told to come back later than this: the rate may be another one by then."""

_ROUNDED = timedelta(seconds=1)
"""More than what instants of whole microseconds add up to in one window."""

FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(minutes=30)

SHARE_SECONDS = 5.0
"""How often a worker asks anew how many of all connections are its own."""

SHARE_LASTS = timedelta(seconds=15)
"""How long the share of a worker that is not heard of is kept for it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Mails a second; 0 is no limit. `share` is the part of `channel` that one domain group may take at most; `groups`
    have rates of their own."""

    channel: float = 0.0
    share: float = 1.0
    groups: Mapping[str, float] = field(default_factory=dict)

    def of_group(self, group: str) -> float:
        """What one domain group may take; 0: only the channel's own rate holds."""
        shared = self.channel * self.share if self.channel and self.share < 1 else 0.0
        own = self.groups.get(group, 0.0)
        return min(own, shared) if own and shared else own or shared


@dataclass(frozen=True, slots=True)
class Permit:
    """`number` mails may leave, the first one `after` this long, each `apart` from the one before. `number` 0: none
    now, and it is no use to ask before `after`."""

    number: int
    after: timedelta = timedelta()
    apart: timedelta = timedelta()


def permit(wanted: int, rate: float, next_at: datetime | None, now: datetime) -> Permit:
    """What a rate allows now. The one who takes it moves `next_at` to `moved_on`.

    A `next_at` later than any that was given out at this rate counts for nothing: the clock was set back since, or the
    rate was raised. (One that is later by less is waited for: never longer than the rate would have let wait.)
    """
    apart = timedelta(seconds=1 / rate)
    after = max(next_at or now, now) - now
    if after > AHEAD + max(AHEAD, apart) + _ROUNDED:
        after = timedelta()
    if after > AHEAD:
        return Permit(0, min(after, ASK_AGAIN))
    return Permit(min(wanted, max(1, int(rate * AHEAD.total_seconds()))), after, apart)


def moved_on(taken: Permit, now: datetime) -> datetime:
    """When the next mail may leave after these."""
    return now + taken.after + taken.number * taken.apart


def both(one: Permit, other: Permit) -> Permit:
    """What two rates allow together."""
    return Permit(min(one.number, other.number), max(one.after, other.after), max(one.apart, other.apart))


def share_of(total: int, workers: int, place: int, held_by_others: int) -> int:
    """How many of `total` connections the worker at `place` (from 0) of `workers` may have: an equal part, and no more
    than the others have left. One at least: who has none could never send."""
    fair = total // workers + (1 if place < total % workers else 0)
    return max(1, min(fair, total - held_by_others))


def rest(failures: int) -> timedelta:
    """How long a domain group is left alone after it was throttled for the `failures`th time in a row."""
    doubled: int = 2 ** max(min(failures, 10) - 1, 0)
    return min(FIRST_REST * doubled, LONGEST_REST)
