"""Subscribers: who they are, what they asked for, and in which language they read an item."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Cadence(StrEnum):
    """How often. The order of members is from the quickest to the slowest."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def rank(self) -> int:
        """0 for the quickest."""
        return list(Cadence).index(self)


class Fallback(StrEnum):
    """What to do with an item that exists in none of a person's languages."""

    SOURCE = "source"  # show it in its source language, and say so
    OMIT = "omit"  # leave it out


class Status(StrEnum):
    """Whether a person is mailed. Only ACTIVE is."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a subscription asks for. An empty set means any."""

    policy_areas: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One wish of a person for one digest, in one cadence."""

    digest: str
    cadence: Cadence
    choice: Choice


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a person gets a digest in one cadence; one per (subscriber, digest, cadence).

    `weekday` is 0 for Monday (weekly, monthly: the first such weekday of the month), `hour` 0-23 local.
    `mark` is the catalogue sequence number up to which the person has been served; `last_date` the last
    local date served. `stopped_at` is when the person unsubscribed from the digest (None: they have not).
    """

    digest: str
    cadence: Cadence
    weekday: int = 0
    hour: int = 8
    mark: int = 0
    last_date: date | None = None
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person with subscriptions. `languages` is ordered: the first is also the language of the frame.

    `paused_until` belongs to PAUSED: the instant at which it ends by itself (None: never). UNSUBSCRIBED keeps that of
    the pause in which they left, for when they undo it."""

    id: int
    address: str
    name: str
    group: str
    languages: tuple[str, ...]
    zone: str
    fallback: Fallback = Fallback.SOURCE
    status: Status = Status.ACTIVE
    subscriptions: tuple[Subscription, ...] = ()
    rhythms: tuple[Rhythm, ...] = ()
    paused_until: datetime | None = None


def shown_language(
    languages: Sequence[str], visible: Collection[str], source_language: str, fallback: Fallback
) -> str | None:
    """The language in which a person is shown an item, or None when it is left out.

    `languages` is the person's ordered chain; `visible` the item's released languages in order of release.
    The first of the chain that is visible; else, where the person wants it, the source language, or the
    earliest release while the source language itself is not out. A regional tag matches its base language
    in both directions (`fr-CA` reads `fr`; `pt` reads `pt-BR`).
    """
    by_base: dict[str, str] = {}
    for language in visible:
        by_base.setdefault(language.split("-")[0].lower(), language)
    for wanted in languages:
        if wanted in visible:
            return wanted
        near = by_base.get(wanted.split("-")[0].lower())
        if near is not None:
            return near
    if fallback is Fallback.OMIT or not visible:
        return None
    return source_language if source_language in visible else next(iter(visible))


def frame_locale(languages: Sequence[str], offered: Collection[str], default: str) -> str:
    """The locale of a person's mails and pages: for each of their languages the exact locale, then its base
    language; else the organisation's default (decisions.md, 28)."""
    for wanted in languages:
        for candidate in (wanted, wanted.split("-")[0]):
            if candidate in offered:
                return candidate
    return default
