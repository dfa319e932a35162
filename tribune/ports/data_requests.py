"""What people ask for about their data: to take it out, to move their address, to be erased. Reached as
`tx.data_requests`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class RequestKind(StrEnum):
    """What was asked for."""

    EXPORT = "export"
    ERASE = "erase"
    ADDRESS = "address"


class RequestState(StrEnum):
    """Where a request stands. Only the first two are open."""

    WAITING = "waiting"  # a change of address waits to be confirmed
    CLEARING = "clearing"  # erased; copies of mails that were on their way then are cleared away a little later
    DONE = "done"
    REFUSED = "refused"  # "this was not me"
    EXPIRED = "expired"
    REPLACED = "replaced"  # by a later request of the same kind


OPEN = (RequestState.WAITING, RequestState.CLEARING)

BY_THEMSELVES = "self"
"""Who asked, where the person themselves did; else "cli", or what names a member of staff ("staff:7")."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """A request. `subscriber` is a number only, and outlives the person. Times are UTC."""

    id: int
    subscriber: int
    kind: RequestKind
    state: RequestState
    created_at: datetime
    settled_at: datetime | None
    by: str
    traces: tuple[str, ...] = ()


class DataRequests(Protocol):
    """The rows of requests, and what is held about a person, table by table."""

    # the requests
    def one(self, request: int) -> DataRequest | None: ...

    def recent(
        self,
        *,
        kinds: Collection[RequestKind] = (),
        states: Collection[RequestState] = (),
        subscriber: int | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[DataRequest]:
        """The newest first; empty means any; `before` an id, for the next page."""
        ...

    def add(
        self,
        subscriber: int,
        kind: RequestKind,
        state: RequestState,
        by: str,
        now: datetime,
        traces: Sequence[str] = (),
    ) -> DataRequest:
        """A new request; one that is not open is settled at once."""
        ...

    def settle(self, request: int, to: RequestState, now: datetime, *, of: RequestState) -> bool:
        """Settle a request that is in the state `of`; its traces are forgotten. False where it is in another."""
        ...

    def expire(self, before: datetime, now: datetime) -> int:
        """Changes of address that were asked for before an instant and never confirmed: expired, and the addresses
        forgotten; how many."""
        ...

    # the address that waits
    def new_address(self, subscriber: int) -> str | None: ...

    def keep_new_address(self, subscriber: int, address: str | None) -> None:
        """Remember (None: forget) the address that a person moves to once it is confirmed."""
        ...

    def move(self, subscriber: int, now: datetime) -> bool:
        """Take the address that waits. False where there is none, or another person has it by now."""
        ...

    def join(self, other: int, subscriber: int) -> list[str]:
        """Let whoever had the address before go, a row of nobody who is subscribed, in favour of this person: their
        consent records become this person's, all else about them is deleted. The names of the mails that went to
        them."""
        ...

    # everything that is held
    def mail_names(self, subscriber: int) -> list[str]:
        """The names of all mails to a person that the ledger still knows (`12.0.37`, `n.31`)."""
        ...

    def rows_of(self, subscriber: int) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Table -> the rows that are about a person, in every table there is, as JSON can hold them."""
        ...

    def erase(self, subscriber: int, reason: str, now: datetime) -> bool:
        """Delete the person: every row about them in every table. Deliveries stay as numbers of a mailing, and are
        nobody's any more; their address stays on the suppression list as a keyed hash. False where they are not
        there (any more)."""
        ...
