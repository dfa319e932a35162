"""Segments: saved rules that say of each person whether they are in. Pure.

A rule is a tree. Its leaves are conditions about one person; its knots say that all, any or none of what hangs below
must hold. Beside the tree stand people who are pinned (in, whatever the tree says) and people who are left out (never
in, whatever else says so). The JSON of a rule: segment_json.py; whether somebody is in, and why: segment_matching.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from tribune.domain.audience import Cadence, Status

MAX_DEPTH = 5
"""Knots above a condition, at most: what goes deeper nobody can read any more."""

MAX_PARTS = 100
"""Knots and conditions of a rule, at most."""

MAX_CHOSEN = 400
"""Values of one list (codes, languages, tags), at most: more than there are places."""

MAX_PEOPLE = 1_000
"""People pinned, and people left out, at most. More of them are a tag."""

MAX_DAYS = 3_660
"""The longest time back that "in the last N days" may ask for."""

MAX_TEXT = 64 * 1024
"""Characters of a rule's JSON, at most."""

MAX_ID = 2**31 - 1
"""The highest number that a person can have."""

MAX_TAG = 60
TAG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
"""Tags and slugs: lower case, digits and hyphens between them."""

EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
"""The dates that a rule may name."""


class Moment(StrEnum):
    """What of a person a date condition is about.

    CONFIRMED: when they confirmed their subscription. MAILED: the last local date of which they were sent an issue of
    any digest. SEEN: the last date (UTC) on which they used one of our pages as themselves.
    """

    CONFIRMED = "confirmed"
    MAILED = "mailed"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class When:
    """What is asked of a date; exactly one of: in the last N days, not in them, never, or a range (one or both ends).

    "In the last N days" begins N days before today (UTC) and includes today. What never happened is not in the last N
    days, and is not before any date.
    """

    within_days: int | None = None
    not_within_days: int | None = None
    on_or_after: date | None = None
    before: date | None = None
    never: bool = False

    def since(self, today: date) -> date | None:
        """The first day of "in the last N days"; None where that is not asked."""
        days = self.within_days if self.within_days is not None else self.not_within_days
        return None if days is None else today - timedelta(days=days)

    def holds(self, seen: date | None, today: date) -> bool:
        """Whether it holds of a date (None: it never happened)."""
        if self.never:
            return seen is None
        since = self.since(today)
        if since is not None:
            recently = seen is not None and seen >= since
            return recently if self.within_days is not None else not recently
        if seen is None:
            return False
        return (self.on_or_after is None or seen >= self.on_or_after) and (self.before is None or seen < self.before)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Codes of one axis that a subscription asks for. `unlimited`: a subscription that leaves the axis open counts too
    (it asks for everything); where it is False only subscriptions that name one of the codes, or what holds it, do."""

    codes: tuple[str, ...]
    unlimited: bool


@dataclass(frozen=True, slots=True)
class Everyone:
    """All subscribers."""


@dataclass(frozen=True, slots=True)
class InGroup:
    """Belongs to one of these constituent groups."""

    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HasStatus:
    """Has one of these statuses."""

    statuses: tuple[Status, ...]


@dataclass(frozen=True, slots=True)
class Reads:
    """Reads one of these languages; `first`: before all others. `pt` is also read by who reads `pt-BR`."""

    languages: tuple[str, ...]
    first: bool = False


@dataclass(frozen=True, slots=True)
class Tagged:
    """Bears one of these tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wants:
    """Has one subscription, not stopped, for which all of this holds. What is None or empty is not asked."""

    places: Chosen | None = None
    policy_areas: Chosen | None = None
    kinds: Chosen | None = None
    digests: tuple[str, ...] = ()
    cadences: tuple[Cadence, ...] = ()


@dataclass(frozen=True, slots=True)
class Dated:
    """Something happened, or did not, at such a time."""

    what: Moment
    when: When


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """No part holds."""

    parts: tuple[Node, ...]


Condition: TypeAlias = Everyone | InGroup | HasStatus | Reads | Tagged | Wants | Dated
Knot: TypeAlias = AllOf | AnyOf | NoneOf
Node: TypeAlias = Condition | Knot


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is in: whom the tree selects (None: nobody) or who is pinned, less those left out."""

    who: Node | None
    include: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """One subscription as rules see it. `stopped`: the person has unsubscribed from its digest."""

    digest: str
    cadence: Cadence
    places: frozenset[str] = frozenset()
    policy_areas: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules ask of a person. Neither name nor address is among it. `confirmed_at` is the time of the sign-up while
    the status is PENDING."""

    id: int
    group: str
    languages: tuple[str, ...]
    status: Status
    confirmed_at: datetime
    subscriptions: tuple[Subject, ...] = ()
    tags: frozenset[str] = field(default_factory=frozenset)
    mailed: date | None = None
    seen: date | None = None
    suppressed: bool = False

    @property
    def confirmed(self) -> datetime | None:
        """When they confirmed their subscription; None: they have not yet."""
        return None if self.status is Status.PENDING else self.confirmed_at

    @property
    def mailable(self) -> bool:
        """Whether a mailing may reach them now."""
        return self.status is Status.ACTIVE and not self.suppressed


def nodes(node: Node | None) -> Iterator[Node]:
    """A node and everything below it, from the top."""
    if node is None:
        return
    yield node
    if isinstance(node, AllOf | AnyOf | NoneOf):
        for part in node.parts:
            yield from nodes(part)
