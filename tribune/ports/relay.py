"""What the relay needs: the outbox, held by one relay at a time, and somewhere to publish to.

The relay publishes at least once. It reads committed rows in order of their numbers and remembers no position, so a
number that appears late is not lost; a row is deleted after it was published (docs/adr/0014).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event that waits in the outbox, as bytes."""

    id: int
    topic: str
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How much waits in the outbox, since when, and how much was set aside."""

    waiting: int
    oldest: datetime | None
    aside: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """An event that could not be published and is kept for a person; its topic and when it was added."""

    id: int
    topic: str
    key: str
    value: bytes
    added_at: datetime


class HeldOutbox(Protocol):
    """The outbox in the hands of the one relay that works."""

    def first(self, limit: int, passing_over: Collection[str] = ()) -> Sequence[Outgoing]:
        """The first events that wait, but for those of some topics."""
        ...

    def delete(self, ids: Collection[int]) -> None:
        """These were published."""
        ...

    def set_aside(self, ids: Collection[int]) -> None:
        """These can never be published: keep them for a person, out of the others' way."""
        ...


class OutboxQueue(Protocol):
    """The outbox, for relays."""

    def hold(self) -> AbstractContextManager[HeldOutbox | None]:
        """Hold the outbox, until the end or until the connection to the store is lost; None while another does."""
        ...

    def state(self) -> OutboxState:
        """How much waits."""
        ...

    def aside(self) -> Sequence[SetAside]:
        """What was set aside, in the order in which it was added."""
        ...

    def put_back(self, ids: Collection[int]) -> int:
        """Let these be published after all, each before what was added later; how many were set aside."""
        ...

    def discard(self, ids: Collection[int]) -> int:
        """Throw away what was set aside of these; how many."""
        ...


class Publisher(Protocol):
    """Where the relay publishes."""

    def publish_all(self, rows: Sequence[Outgoing]) -> Sequence[Exception | None]:
        """Publish, in order within a key; for each row None, or why not.

        InvalidInput: never; NotFound: not while its topic is missing; anything else: later.
        """
        ...
