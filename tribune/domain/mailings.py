"""Mailings, chunks and deliveries: what a mail holds, and the states that it goes through.

A delivery has no row that changes. Its state is derived from its chunk's two marks and from exceptions:

    place <  sent_upto                    SENT, unless an exception says otherwise
    sent_upto <= place < doubt_upto       IN_DOUBT: may have left (the sender works on it, or died there)
    place >= doubt_upto                   WAITING, or CANCELLED where the mailing was cancelled

`doubt_upto` is durable before the mails of a window are handed over, `sent_upto` follows after; both writes
are conditioned on the chunk's epoch, which each claim raises, so that a sender that lost its lease is fenced.

Of a cancelled mailing, an exception that waits (RETRY, QUARANTINED) is CANCELLED where the mail certainly never left;
where nobody knows, a RETRY is IN_DOUBT for good. CANCELLED is derived, never written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from tribune.domain.audience import Cadence


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
    there are than the mail shows. `message`: the language of a campaign's text, which stands before them ("" none)."""

    locale: str
    fragments: tuple[FragmentKey, ...]
    more: int = 0
    message: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing (left) to read in it."""
        return not (self.fragments or self.message)

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the signatures table."""
        told = {"locale": self.locale, "fragments": [list(key) for key in self.fragments], "more": self.more}
        return told | {"message": self.message} if self.message else told

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> EditionContent:
        """From what `to_json` gave."""
        fragments = (
            FragmentKey(item, version, Shape(shape), language, locale, zone)
            for item, version, shape, language, locale, zone in kept["fragments"]
        )
        return cls(kept["locale"], tuple(fragments), kept["more"], kept.get("message", ""))

    def visible(self, languages: Mapping[int, Collection[str]]) -> EditionContent:
        """The same less what was withdrawn since: items, or the language shown. `languages` are those visible now."""
        kept = tuple(key for key in self.fragments if key.language in languages.get(key.item, ()))
        return replace(self, fragments=kept)


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
    MailingState.PAUSED: frozenset({MailingState.APPROVED, MailingState.RUNNING, MailingState.CANCELLED}),
    MailingState.CANCELLED: frozenset(),
    MailingState.FINISHED: frozenset({MailingState.RUNNING}),
}
"""From PAUSED back to APPROVED: of a mailing that was paused before its first window. From FINISHED back to RUNNING:
staff have some of its mails tried again."""


class DeliveryState(StrEnum):
    """Where a delivery stands. The first three and CANCELLED are derived, the rest have rows."""

    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    QUARANTINED = "quarantined"
    EMPTY = "empty"
    CANCELLED = "cancelled"


class ChunkState(StrEnum):
    """Where a chunk stands."""

    READY = "ready"
    SENDING = "sending"
    DONE = "done"
    CLOSED = "closed"  # of a cancelled mailing: what it did not send was carried over, and no sender may touch it


class Lane(StrEnum):
    """Transactional mail goes before mailings."""

    TRANSACTIONAL = "transactional"
    MAILING = "mailing"


CHUNK_SIZE = 500
"""Deliveries in a chunk: what a message on the log points to."""

WINDOW = 250
"""Deliveries that may be in doubt at once, per sender."""


class OfCampaign(NamedTuple):
    """The campaign that a mailing is of."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Mailing:
    """An edition's or a campaign's recipients of one due instant, on their way. Times are UTC.

    Either `edition`, `cadence` and `occasion` say of which edition it is, or `campaign` of which campaign. `in_doubt`
    is "" where the channel's policy holds (tribune.domain.sending.policy_of). `changes` counts the moves that staff
    made; `rested_seconds` is how long it was paused, a pause that lasts (since `paused_at`) left out. `skipped_empty`:
    people for whom there was nothing (of a campaign: in no language of theirs). `finished_at` of a cancelled one: when
    the last of its chunks was closed. `aged_at`: from then on only its numbers are known, no more who got what.
    """

    id: int
    edition: int | None
    digest: str
    cadence: Cadence | None
    occasion: str
    due_at: datetime
    state: MailingState
    approval: str
    recipients: int
    skipped_empty: int
    correlation_id: str
    planned_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    in_doubt: str = ""
    changes: int = 0
    paused_at: datetime | None = None
    rested_seconds: float = 0.0
    aged_at: datetime | None = None
    campaign: OfCampaign | None = None

    def running_seconds(self, now: datetime) -> float:
        """How long it has been sent, pauses left out; 0 before it has begun."""
        if self.started_at is None:
            return 0.0
        end = self.finished_at or self.paused_at or now
        return max((end - self.started_at).total_seconds() - self.rested_seconds, 0.0)
