"""Mailings, chunks and deliveries: what a mail holds, and the states that it goes through.

A delivery has no row that changes. Its state is derived from its chunk's two marks and from exceptions:

    place <  sent_upto                    SENT, unless an exception says otherwise
    sent_upto <= place < doubt_upto       IN_DOUBT: may have left (the sender works on it, or died there)
    place >= doubt_upto                   WAITING

`doubt_upto` is durable before the mails of a window are handed over, `sent_upto` follows after; both writes
are conditioned on the chunk's epoch, which each claim raises, so that a sender that lost its lease is fenced.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Shape(StrEnum):
    """How an item stands in a mail."""

    LEAD = "lead"
    ROW = "row"


class FragmentKey(NamedTuple):
    """What a fragment depends on (decisions.md, 14). `zone` is set for live sessions only."""

    item: int
    version: int
    shape: Shape
    language: str
    locale: str
    zone: str = ""


@dataclass(frozen=True, slots=True)
class EditionContent:
    """The content behind a signature: the frame's locale, the fragments in order, and how many items more
    there are than the mail shows."""

    locale: str
    fragments: tuple[FragmentKey, ...]
    more: int = 0


class MailingState(StrEnum):
    """Where a mailing stands."""

    PLANNED = "planned"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


MAILING_MOVES: dict[MailingState, frozenset[MailingState]] = {
    MailingState.PLANNED: frozenset({MailingState.APPROVED, MailingState.CANCELLED}),
    MailingState.APPROVED: frozenset(
        {MailingState.RUNNING, MailingState.PAUSED, MailingState.CANCELLED, MailingState.FINISHED}
    ),
    MailingState.RUNNING: frozenset({MailingState.PAUSED, MailingState.CANCELLED, MailingState.FINISHED}),
    MailingState.PAUSED: frozenset({MailingState.RUNNING, MailingState.CANCELLED}),
    MailingState.CANCELLED: frozenset(),
    MailingState.FINISHED: frozenset(),
}


class DeliveryState(StrEnum):
    """Where a delivery stands. The first three are derived from the chunk's marks, the rest have rows."""

    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    QUARANTINED = "quarantined"
    EMPTY = "empty"


class ChunkState(StrEnum):
    """Where a chunk stands."""

    READY = "ready"
    SENDING = "sending"
    DONE = "done"


class Lane(StrEnum):
    """Transactional mail goes before mailings."""

    TRANSACTIONAL = "transactional"
    MAILING = "mailing"


CHUNK_SIZE = 500
"""Deliveries in a chunk: what a message on the log points to."""

WINDOW = 250
"""Deliveries that may be in doubt at once, per sender."""
