"""Sending: the moves of a chunk's marks, the claims that fence senders, and when to try again. Pure rules.

See tribune/domain/mailings.py for the states that follow from the marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tribune.domain.errors import DeliveryError, Permanent, Throttled, UnknownOutcome
from tribune.domain.mailings import WINDOW, DeliveryState, Mailing

LEASE = timedelta(minutes=3)
"""How long a claim holds without a word from its sender. Half of it may pass before the sender checks in."""

MAX_HANDOVERS = 3
"""How often a mail may be handed over without anyone learning what became of it; then it is quarantined."""

THROTTLE_DELAY = timedelta(minutes=1)
"""How long a throttled lane rests, where the provider names no time of its own."""

BROKEN_DELAY = timedelta(seconds=10)
"""How long a chunk rests whose channel, or ledger, broke off in an unforeseen way."""

WATCH = timedelta(minutes=15)
"""How long what waits for its event waits before it is given out again: an event may be lost to the dead letters, or
taken by a process that ended before it came to it. Giving out twice does no harm."""

RETRY_DELAYS = tuple(timedelta(minutes=m) for m in (5, 15, 60, 180, 360, 720))
"""Waits before the second, third ... attempt at one recipient: most of a day in all, then it failed."""


def retry_delay(attempts: int) -> timedelta | None:
    """How long to wait after `attempts` that failed for now; None when that was the last one."""
    return RETRY_DELAYS[attempts - 1] if attempts <= len(RETRY_DELAYS) else None


@dataclass(frozen=True, slots=True)
class Marks:
    """A chunk's two marks over `size` places, and how often the range between them was handed over.

    `handovers` is 0 while nothing is in doubt. The four functions are the only moves there are.
    """

    size: int
    sent: int = 0
    doubt: int = 0
    handovers: int = 0

    @property
    def finished(self) -> bool:
        return self.sent == self.size

    @property
    def in_doubt(self) -> bool:
        return self.doubt > self.sent

    def opened(self, at_most: int = WINDOW) -> Marks:
        """Before mails are handed over: the range left in doubt by a sender that died, else a fresh window of
        `at_most` mails, counted from the durable mark."""
        if self.in_doubt:
            return replace(self, handovers=self.handovers + 1)
        return replace(self, doubt=min(self.size, self.sent + min(at_most, WINDOW)), handovers=1)

    def reached(self, place: int) -> Marks:
        """After mails were handed over: those below `place` have an outcome, the others were not touched.

        What was not touched waits again - unless an earlier sender may have sent it: that stays in doubt,
        with that sender's count.
        """
        if not self.sent <= place <= self.doubt:
            raise ValueError(f"place {place} is not within {self}")
        if place == self.doubt or self.handovers <= 1:
            return Marks(self.size, place, place, 0)
        return replace(self, sent=place, handovers=self.handovers - 1)

    def given_up(self) -> Marks:
        """The range in doubt is quarantined: the mark passes it."""
        return Marks(self.size, self.doubt, self.doubt, 0)


class InDoubt(StrEnum):
    """What a channel does with mails of which nobody knows whether they left."""

    SEND_AGAIN = "send_again"  # same Message-ID, at most MAX_HANDOVERS times
    QUARANTINE = "quarantine"  # staff decide


def policy_of(mailing: Mailing, channel: InDoubt) -> InDoubt:
    """What is done with mails of this mailing of which nobody knows whether they left: as its digest says, else as the
    channel does (decisions.md, 18)."""
    return InDoubt(mailing.in_doubt) if mailing.in_doubt else channel


@dataclass(frozen=True, slots=True)
class Claim:
    """A sender's hold on a chunk: `epoch` fences it, `marks` are the durable ones at the time of the claim."""

    mailing: int
    chunk: int
    epoch: int
    lane: str
    domain_group: str
    locale: str
    marks: Marks


class Slot(NamedTuple):
    """A delivery: its place in the chunk, whom it is for, and the signature of its content."""

    place: int
    subscriber: int
    signature: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one delivery, where it is not simply sent. `next_attempt_at` only for RETRY."""

    place: int
    state: DeliveryState
    code: str = ""
    attempts: int = 1
    handovers: int = 0
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RetryClaim:
    """A sender's hold on one delivery that is tried again; `attempts` (this one included) fences it."""

    slot: Slot
    attempts: int
    handovers: int
    domain_group: str


def judge(
    place: int,
    error: DeliveryError | None,
    *,
    policy: InDoubt,
    now: datetime,
    attempts: int = 1,
    handovers: int = 1,
    rest: timedelta = THROTTLE_DELAY,
) -> Verdict | None:
    """What becomes of a delivery after a hand-over; None: it is sent.

    `attempts` and `handovers` count this one; a known outcome takes the hand-over back, and a throttled channel
    the attempt too: it was not the recipient's. Where this very mail was told to slow down it has been tried: it
    comes after the rest and the usual wait, behind all that only rest, and its attempts end as any other's do.
    """
    if error is None:
        return None
    code = error.code or error.what
    if isinstance(error, Permanent):
        return Verdict(place, DeliveryState.FAILED, code, attempts, handovers - 1)
    if isinstance(error, Throttled) and not error.of_mail:
        return Verdict(place, DeliveryState.RETRY, code, attempts - 1, handovers - 1, now + rest)
    delay = retry_delay(attempts)
    if delay is not None and isinstance(error, Throttled):
        delay += rest
    if isinstance(error, UnknownOutcome):
        if policy is InDoubt.QUARANTINE or handovers >= MAX_HANDOVERS or delay is None:
            return Verdict(place, DeliveryState.QUARANTINED, code, attempts, handovers)
        return Verdict(place, DeliveryState.RETRY, code, attempts, handovers, now + delay)
    if delay is None:
        return Verdict(place, DeliveryState.FAILED, f"{code} (given up)", attempts, handovers - 1)
    return Verdict(place, DeliveryState.RETRY, code, attempts, handovers - 1, now + delay)


def name_of(mailing: int, chunk: int, place: int) -> str:
    """A delivery's name, in Message-IDs and in the outbox: `12.0.37`."""
    return f"{mailing}.{chunk}.{place}"


_GONE = re.compile(r"\d{3} 5\.(1\.(1|2|3|6|10)|2\.1)(?![\d.])")


def suppresses(code: str) -> bool:
    """Whether a permanent answer says that the address itself is no good (RFC 3463): no such mailbox or domain,
    bad syntax, moved, null MX, disabled. An answer about content or policy says nothing of the address, whatever
    numbers (a link, a version) stand in its words: only its own code counts."""
    return _GONE.match(code) is not None
