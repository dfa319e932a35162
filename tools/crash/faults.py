"""The faults, whom each strikes, and how many senders it hits (each may then send at most two windows again)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tribune.domain.mailings import WINDOW

DOWN_SECONDS = 12.0
"""How long a server may stay away: longer than a lease of the suite, and than a sender waits for its ledger."""


class How(StrEnum):
    """What is done to the victims."""

    KILL = "kill -9"
    DOWN = f"kill -9, {DOWN_SECONDS:g} s down"
    TERM = "SIGTERM"
    STALL = "SIGSTOP for longer than a lease"
    FULL = "disk full, then free"
    CLOCK = "clock step"
    REFUSE = "451 to some mails, then clock step"


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
    def kills(self) -> bool:
        """Whether it is a kill -9: the rounds are counted by these."""
        return self.how in (How.KILL, How.DOWN)

    @property
    def lasting(self) -> bool:
        """Whether it keeps senders at work from the ledger while it lasts: a stop that hits no sender does not."""
        return self.hits > 0 and (self.how in (How.STALL, How.FULL) or self.victim == "postgres")

    @property
    def bound(self) -> int:
        """Mails that may come twice after one such fault: two windows for each sender that it hits."""
        return 2 * WINDOW * self.hits


ALL = "all roles"


def in_a_write(stall: Kind, senders: int) -> Kind:
    """A stop that caught its victim in the middle of a write: it holds the one lock that SQLite has, so that no sender
    can renew a lease. It hits them all."""
    return replace(stall, victim=f"{stall.victim}, in a write", hits=senders)


def kinds(engines: str, senders: int, *, full_disk: bool, refusals: bool) -> list[Kind]:
    """The faults of a topology. `senders`: how many there are; `full_disk`, `refusals`: whether these can be tried."""
    found = [
        Kind(How.KILL, "senders", 8, 1),
        Kind(How.KILL, "consumers", 4),
        Kind(How.KILL, "scheduler", 2),
        Kind(How.KILL, "producers", 1),
        Kind(How.KILL, "web", 1),
        Kind(How.KILL, ALL, 2, senders),
        Kind(How.TERM, "senders", 2),
        Kind(How.TERM, "consumers", 1),
        Kind(How.TERM, "scheduler", 1),
        Kind(How.TERM, "web", 1),
        Kind(How.STALL, "senders", 2, 1),
        Kind(How.STALL, "consumers", 1),
        # Leases go by the store's time, which the offset moves (ADR 13): a step takes every lease away.
        Kind(How.CLOCK, "", 2, senders),
    ]
    if refusals:
        found.append(Kind(How.REFUSE, "", 1, senders))
    if engines == "embedded":
        if full_disk:
            found.append(Kind(How.FULL, "", 1, senders))
        return found
    return [
        *found,
        Kind(How.KILL, "relay", 3),
        Kind(How.KILL, "kafka", 2),
        Kind(How.KILL, "postgres", 2, senders),
        Kind(How.DOWN, "postgres", 1, senders),
        Kind(How.TERM, "relay", 1),
        Kind(How.STALL, "relay", 1),
    ]


def schedule(dice: random.Random, rounds: int, of: Sequence[Kind]) -> list[Kind]:
    """So many kills, and half as many other faults on top, so that one fault in three is no kill. Where `of` offers no
    kills, the rounds are other faults; where it offers nothing else, the kills stand alone."""
    kills = [kind for kind in of if kind.kills]
    others = [kind for kind in of if not kind.kills]
    chosen = _dealt(dice, rounds, kills) + _dealt(dice, rounds // 2 if kills else rounds, others)
    dice.shuffle(chosen)
    return chosen


def _dealt(dice: random.Random, number: int, of: Sequence[Kind]) -> list[Kind]:
    """So many of these: one of each kind first, then from decks that hold each by its weight, shuffled."""
    if not of:
        return []
    chosen = list(of)
    dice.shuffle(chosen)
    while len(chosen) < number:
        deck = [kind for kind in of for _ in range(kind.weight)]
        dice.shuffle(deck)
        chosen += deck
    return chosen[:number]
