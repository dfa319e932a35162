"""The faults, whom each strikes, and how many senders it hits (each may then send at most two windows again)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tribune.domain.mailings import WINDOW


class How(StrEnum):
    """What is done to the victims."""

    KILL = "kill -9"
    TERM = "SIGTERM"
    STALL = "SIGSTOP for longer than a lease"
    FULL = "disk full, then free"
    CLOCK = "clock step"


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what, to whom (a role, an engine, `all roles`, or nobody), how often in a deck."""

    how: How
    victim: str
    weight: int
    hits: int = 0  # senders that it hits

    @property
    def name(self) -> str:
        return f"{self.how.value}{f': {self.victim}' if self.victim else ''}"

    @property
    def lasting(self) -> bool:
        """Whether it keeps senders at work from the ledger while it lasts."""
        return self.how in (How.STALL, How.FULL) or self.victim == "postgres"

    @property
    def bound(self) -> int:
        """Mails that may come twice after one such fault: two windows for each sender that it hits."""
        return 2 * WINDOW * self.hits


ALL = "all roles"


def kinds(engines: str, senders: int, *, full_disk: bool) -> list[Kind]:
    """The faults of a topology. Kills are four in five."""
    found = [
        Kind(How.KILL, "senders", 8, 1),
        Kind(How.KILL, "consumers", 4),
        Kind(How.KILL, "scheduler", 2),
        Kind(How.KILL, "producers", 1),
        Kind(How.KILL, "web", 1),
        Kind(How.KILL, ALL, 2, senders),
        Kind(How.TERM, "senders", 2),
        Kind(How.TERM, "consumers", 1),
        Kind(How.STALL, "senders", 2, 1),
        Kind(How.STALL, "consumers", 1),
        # Leases go by the store's time, which the offset moves (ADR 13): a step takes every lease away.
        Kind(How.CLOCK, "", 2, senders),
    ]
    if engines == "embedded":
        if full_disk:
            found.append(Kind(How.FULL, "", 1, senders))
        return found
    return [
        *found,
        Kind(How.KILL, "relay", 3),
        Kind(How.KILL, "kafka", 2),
        Kind(How.KILL, "postgres", 2, senders),
        Kind(How.STALL, "relay", 1),
    ]


def schedule(dice: random.Random, rounds: int, of: Sequence[Kind]) -> list[Kind]:
    """The kinds of so many rounds: decks that hold each kind by its weight, shuffled. A short run has one of each kind
    first, then more of the heavy ones."""
    deck = [kind for kind in of for _ in range(kind.weight)]
    first = list(of)
    dice.shuffle(first)
    rest: list[Kind] = []
    while len(first) + len(rest) < rounds:
        more = list(deck)
        dice.shuffle(more)
        rest += more
    chosen = (first + rest)[:rounds]
    dice.shuffle(chosen)
    return chosen
