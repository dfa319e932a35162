"""Many new people at once, and what is known of those who are there. Reached as `tx.newcomers`.

An import's rows repeat themselves: what they have in common stands once, in Nature and Wants, which the store
recognises by identity, so that a person costs it no more than their own address and name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from tribune.domain.audience import Fallback, Rhythm, Status, Subscription
from tribune.ports.audience import Mask


@dataclass(frozen=True, slots=True, eq=False)
class Nature:
    """Who a person is, address and name aside. `memo`: what the store has made of it, for the next of the kind."""

    group: str
    languages: tuple[str, ...]
    fallback: Fallback
    zone: str
    memo: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Wants:
    """What a person wants, and when. Of `rhythms` the marks do not count, nor when one was stopped, only whether: it
    is as of now. `memo` as in Nature."""

    subscriptions: tuple[Subscription, ...]
    rhythms: tuple[Rhythm, ...]
    status: Status = Status.ACTIVE
    memo: dict[str, Any] = field(default_factory=dict, repr=False)


class Newcomer(NamedTuple):
    """A person who is not there yet. `key` is the folded address."""

    address: str
    key: str
    name: str
    nature: Nature
    wants: Wants


class Kept(NamedTuple):
    """What is stored of a person, as it stands: `languages` joined by commas; (digest, cadence, choice) of each
    subscription; (digest, cadence, weekday, hour, whether it was stopped) of each rhythm."""

    address: str
    name: str
    group: str
    languages: str
    fallback: str
    zone: str
    status: str
    wishes: list[tuple[Any, ...]]
    rhythms: list[tuple[Any, ...]]


class Newcomers(Protocol):
    """Set-based counterparts of what Audience does for one person at a time."""

    def known(self, keys: Collection[str]) -> dict[str, int]:
        """Folded address -> number, for those that are there."""
        ...

    def kept(self, ids: Collection[int]) -> dict[int, Kept]:
        """What is stored of these people."""
        ...

    def suppressed(self, keys: Collection[str]) -> dict[str, str]:
        """Folded address -> reason, for those that are never mailed."""
        ...

    def add(self, new: Sequence[Newcomer], mask: Mask, horizon: int, now: datetime, by: str, basis: str) -> int:
        """Store new people whose marks begin at `horizon`, each with a consent record of act "imported" (`by` whom, on
        which `basis`); the first of their numbers, which follow each other. The caller holds the lock AUDIENCE."""
        ...
