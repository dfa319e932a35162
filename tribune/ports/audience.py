"""Subscribers: who they are, what they asked for, and whether they may be mailed. Reached as `tx.audience`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from tribune.domain.audience import Cadence, Choice, Status, Subscriber


class Recipient(NamedTuple):
    """A person as a sender needs them, read again when a window is claimed (architecture.md, 9). `changed` says that
    they have changed something since the mailing was planned.

    `choices` are those of one digest and cadence. `stopped` says that they have unsubscribed from that digest,
    `suppressed` why their address is never mailed ("": it may be).
    """

    id: int
    name: str
    address: str
    group: str
    languages: tuple[str, ...]
    zone: str
    status: Status
    choices: tuple[Choice, ...] = ()
    stopped: bool = False
    suppressed: str = ""
    changed: bool = False

    @property
    def may_be_mailed(self) -> bool:
        return self.status is Status.ACTIVE and not self.stopped and not self.suppressed


@dataclass(frozen=True, slots=True)
class CarryOver:
    """An item that waits for a person's next mail although their mark has passed it (decisions.md, 10, 11, 16)."""

    subscriber: int
    digest: str
    cadence: Cadence
    item: int
    reason: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A mail of a digest that a pause held back, and its items with the language in which each was to be shown."""

    digest: str
    cadence: Cadence
    items: tuple[tuple[int, str], ...]


Mask = Callable[[Choice], Sequence[int]]
"""The mask words of a choice (tribune.domain.masks.choice_mask with its bits and places)."""


class Audience(Protocol):
    """The people, their subscriptions, rhythms and marks."""

    def one(self, subscriber_id: int) -> Subscriber | None: ...

    def by_address(self, address: str) -> Subscriber | None: ...

    def by_keys(self, keys: Collection[str]) -> dict[str, Subscriber]:
        """Folded address (tribune.domain.addresses.address_key) -> subscriber, for those that exist."""
        ...

    def several(self, ids: Collection[int]) -> dict[int, Subscriber]:
        """Those of these people who exist, by their numbers."""
        ...

    def everyone(self) -> Iterator[Subscriber]:
        """All subscribers in order of id, read in batches."""
        ...

    def page(
        self, limit: int, *, after: int = 0, status: Status | None = None, group: str | None = None
    ) -> list[Subscriber]:
        """People in order of id, those behind `after`, of this status and constituent group."""
        ...

    def count(self) -> Mapping[Status, int]: ...

    def add(self, new: Sequence[Subscriber], mask: Mask, now: datetime) -> list[int]:
        """Store new people, with their subscriptions, rhythms and marks as given (`id` aside); their ids in order."""
        ...

    def update(self, changed: Sequence[Subscriber], mask: Mask, now: datetime) -> None:
        """Store people as they are now: facts, subscriptions, rhythms, marks. What is no longer there is deleted."""
        ...

    def set_stopped(self, person: Subscriber, now: datetime) -> None:
        """Store a person's status and pause, what they have stopped, and their marks; the rest stands."""
        ...

    def pause(self, subscriber_id: int, until: datetime, now: datetime) -> bool:
        """Nothing is sent to an active or paused person before an instant; False for others. Marks are left alone,
        which planning may hold."""
        ...

    def to_resume(self, now: datetime, limit: int) -> list[int]:
        """Those whose pause ends by now, the earliest first."""
        ...

    def left_before(self, before: datetime, limit: int) -> list[int]:
        """Those who have unsubscribed from everything and changed nothing since before then, the earliest first; not
        who has just asked to come back."""
        ...

    def held_by_pause(self, subscriber: int, since: datetime, now: datetime) -> list[HeldBack]:
        """Mails planned since then that were not sent because the person was paused. Each is told once."""
        ...

    def choices(self, ids: Collection[int], digest: str) -> dict[int, tuple[Choice, ...]]:
        """What these people ask of a digest now, in whatever cadence; empty for who asks for nothing."""
        ...

    def stop(self, stops: Collection[tuple[int, str | None]], now: datetime) -> set[tuple[int, str | None]]:
        """(person, digest; None: all) stop, all in a few statements: what `tribune.domain.changes.stopped` says. Gives
        those that changed anything. Marks are left alone, which planning may hold."""
        ...

    def suppress(self, address: str, reason: str, now: datetime) -> None:
        """Never mail this address again. The list keeps a hash only; the first reason stays, but for one
        that outweighs it (tribune.domain.suppressions)."""
        ...

    def suppressed(self, addresses: Collection[str]) -> dict[str, str]:
        """Those of the addresses (as given) that are suppressed -> reason."""
        ...

    def lift(self, addresses: Collection[str], reasons: Collection[str]) -> None:
        """Take these addresses from the suppression list where they stand there for one of these reasons."""
        ...

    def carry_over(self, rows: Sequence[CarryOver]) -> None:
        """Remember; an item that waits already is left as it is."""
        ...

    def carried(self, subscriber_ids: Collection[int], digest: str) -> list[CarryOver]: ...

    def forget_carried(self, subscriber_ids: Collection[int], digest: str) -> None: ...
