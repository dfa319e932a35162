"""The ledger: mailings, chunks, deliveries and what became of them.

Every write of a sender is conditioned on its claim; a write that finds the claim gone raises `Conflict`, and the
sender stops there: another one has the chunk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tribune.domain.audience import Cadence
from tribune.domain.mailings import DeliveryState, EditionContent, Mailing, MailingState
from tribune.domain.sending import Claim, Marks, RetryClaim, Slot, Verdict
from tribune.ports.audience import Recipient

Seat = tuple[Slot, Recipient | None]
"""A delivery and the person behind it, as they are now; None for somebody who has been erased."""


@dataclass(frozen=True, slots=True)
class ChunkView:
    """A chunk as it stands, for people to look at."""

    chunk: int
    lane: str
    domain_group: str
    locale: str
    state: str
    marks: Marks
    epoch: int
    owner: str | None
    lease_until: datetime | None
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery with its derived state, for people to look at."""

    mailing: int
    chunk: int
    place: int
    subscriber: int
    locale: str
    signature: int
    state: DeliveryState
    code: str = ""
    attempts: int = 0
    next_attempt_at: datetime | None = None


class Ledger(Protocol):
    """Mailings and their deliveries."""

    # looking
    def mailing(self, mailing: int) -> Mailing | None: ...

    def mailings(
        self,
        *,
        states: Collection[MailingState] = (),
        since: datetime | None = None,
        limit: int | None = 50,
        edition: int | None = None,
        before: int | None = None,
        empty: bool = True,
    ) -> list[Mailing]:
        """The newest first: those in these states (empty means any), planned at `since` or later, of this edition, with
        a lower number than `before`; without `empty`, only those that have deliveries."""
        ...

    def count_empty(self, oldest: int) -> int:
        """How many mailings without any delivery have the number `oldest` or a higher one."""
        ...

    def chunks(self, mailing: int) -> list[ChunkView]: ...

    def progress(self, mailing: int) -> Mapping[str, Mapping[DeliveryState, int]]:
        """Exact numbers per locale and state; states with none are left out."""
        ...

    def progress_since(self, since: datetime) -> Mapping[int, Mapping[DeliveryState, int]]:
        """Exact numbers per mailing and state, of mailings planned at `since` or later whose rows have not aged out;
        states with none are left out."""
        ...

    def chunk_progress(self, mailing: int, chunk: int) -> Mapping[DeliveryState, int]: ...

    def deliveries(
        self,
        mailing: int,
        *,
        states: Collection[DeliveryState] = (),
        subscriber: int | None = None,
        limit: int = 1000,
        after: tuple[int, int] | None = None,
    ) -> list[DeliveryView]:
        """In the order of chunk and place, behind `after` (a chunk and a place); `states` empty means any."""
        ...

    def deliveries_to(self, subscriber: int, *, limit: int = 100) -> list[DeliveryView]:
        """A person's deliveries, the newest mailing first."""
        ...

    # what a window needs
    def slots(self, claim: Claim, start: int, end: int) -> list[Slot]: ...

    def window(self, claim: Claim, start: int, end: int, digest: str, cadence: Cadence | None) -> list[Seat]:
        """The deliveries of a chunk from place `start` up to `end`, in order, each with its person read anew. Without
        a cadence (a campaign): whoever has the digest has choices, in whatever cadence."""
        ...

    def seats(
        self, mailing: int, chunk: int, places: Collection[int], digest: str, cadence: Cadence | None
    ) -> list[Seat]:
        """The same for single places."""
        ...

    def with_retries_due(self, chunks: Collection[tuple[int, int]], now: datetime) -> list[tuple[int, int]]:
        """Those of the chunks (mailing, chunk) that have a retry due."""
        ...

    def contents(self, mailing: int, signatures: Collection[int]) -> dict[int, EditionContent]: ...

    # the moves of a mailing
    def move(self, mailing: int, to: MailingState, now: datetime, *, of: MailingState | None = None) -> bool:
        """Move where the state machine allows it (and only out of the state `of`); False where it does not, or where it
        is there already. Counts the change, and keeps how long the mailing was paused."""
        ...

    def put_off(self, mailing: int, due_at: datetime) -> None:
        """It is due at `due_at`, where that is later than it was."""
        ...

    def going_on(self, mailing: int, now: datetime) -> list[int]:
        """The chunks that need an event when a mailing that was paused goes on: not done, or with retries that are due
        or wait for no time."""
        ...

    def start(self, mailing: int, now: datetime) -> bool:
        """An approved mailing is running from its first claim on; True for the one call that made it so."""
        ...

    def finish(self, mailing: int, now: datetime) -> bool:
        """Finish a running mailing when every chunk is done and no retry open; True for the one call that did."""
        ...

    # the moves of a chunk
    def claim(self, mailing: int, chunk: int, owner: str, now: datetime, lease: timedelta) -> Claim | None:
        """Take a chunk that is ready, or whose sender's lease ran out; None where there is nothing to take: done,
        taken, resting, or the mailing may not leave."""
        ...

    def open_window(self, claim: Claim, marks: Marks, now: datetime, lease: timedelta) -> bool:
        """Make `marks.doubt` durable before mails are handed over, and renew the lease. False where that may not
        be: the claim is gone, the mailing was paused or cancelled, or the durable mark does not allow so much."""
        ...

    def goes_on(self, mailing: int) -> bool:
        """Whether its mails may leave: it is approved or running, neither paused nor cancelled."""
        ...

    def renew(self, claim: Claim, now: datetime, lease: timedelta) -> bool:
        """Hold a chunk for another lease from now; False where it is held no more."""
        ...

    def settle(self, claim: Claim, marks: Marks, verdicts: Sequence[Verdict], now: datetime) -> None:
        """Move `sent_upto` and record the exceptions below it, together; a full chunk is done."""
        ...

    def release(self, claim: Claim, not_before: datetime | None, *, whole_lane: bool = False) -> None:
        """Give a chunk back. With `not_before` it rests until then and `wake` gives it out again; `whole_lane` lets the
        ready chunks of the same lane and domain group rest too."""
        ...

    def rest_lane(self, claim: Claim, until: datetime) -> None:
        """Let the ready chunks of the claim's lane and domain group rest; its own is done."""
        ...

    # the moves of a retry
    def claim_retries(
        self, mailing: int, chunk: int, now: datetime, lease: timedelta, limit: int
    ) -> list[RetryClaim]: ...

    def renew_retries(
        self, mailing: int, chunk: int, claims: Sequence[RetryClaim], now: datetime, lease: timedelta
    ) -> None:
        """Hold on to claimed retries while their mails are on their way; those that are another's by now stay so."""
        ...

    def settle_retry(self, mailing: int, chunk: int, claim: RetryClaim, verdict: Verdict | None, now: datetime) -> bool:
        """What became of a retry (None: sent). False where the claim is gone."""
        ...

    def retry_now(self, mailing: int, states: Collection[DeliveryState], now: datetime) -> dict[DeliveryState, int]:
        """Staff say: try deliveries in these states (RETRY, QUARANTINED, FAILED) now; how many of each. QUARANTINED and
        FAILED begin with all their attempts again."""
        ...

    def leave(self, mailing: int, places: Collection[tuple[int, int]], code: str, now: datetime) -> int:
        """Staff say: what is QUARANTINED at these places (chunk, place) is FAILED, with this code; how many."""
        ...

    def leave_all(self, mailing: int, code: str, now: datetime) -> int:
        """The same for all of a mailing that is QUARANTINED."""
        ...

    # what time brings back
    def wake(self, now: datetime, limit: int = 1000) -> list[tuple[int, int]]:
        """Chunks (mailing, chunk) that wait for an event again: rested enough, left by a sender whose lease ran
        out, or with retries due. Each is given out once."""
        ...
