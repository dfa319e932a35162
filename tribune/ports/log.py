"""The two event ports (decisions.md, 1), shaped after Kafka's semantics.

`Outbox.add` writes an event in the caller's transaction. `EventLog` publishes and consumes. A topic has
partitions; a key chooses one; within a partition the order is that of the offsets. A consumer group has
members that share the partitions out; each partition has one committed offset per group, the next one to
read. Delivery is at least once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tribune.domain.errors import InvalidInput
from tribune.domain.events import CloudEvent


class LogAway(ConnectionError):
    """The log cannot be reached, or does not answer in time. Trying again later is right."""


class MessageTooLarge(InvalidInput):
    """The log takes no message of this size. Trying again is in vain."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic: its name, its partitions, and how long its messages are kept (None: for good).

    Of a compacted one, a log that can do so keeps the last message of each key."""

    name: str
    partitions: int = 4
    retention_hours: int | None = 24 * 30
    compacted: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the log holds it: bytes that may or may not be an event.

    `attempts` counts the times that this group has tried it already. `replayed` says that the group has it again
    because someone asked (a rewind, a replayed dead letter). `origin` is where a retried message stood first;
    `position` is what to commit.
    """

    position: Position
    key: str
    value: bytes
    published_at: datetime
    attempts: int = 0
    replayed: bool = False
    origin: Position | None = None

    @property
    def first_position(self) -> Position:
        """Where the message was published."""
        return self.origin or self.position


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that a group could not handle: where from, why, when, and whether it was replayed.

    `whole_bytes`: it was too large to be kept whole with what is said of it. `value` is its beginning only (a stub), so
    many bytes it has, and it stands at `position` as long as that topic keeps it."""

    id: int
    group: str
    position: Position
    key: str
    value: bytes
    reason: str
    detail: str
    died_at: datetime
    attempts: int = 1
    replayed_at: datetime | None = None
    whole_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that a group will try again."""

    group: str
    position: Position
    key: str
    attempts: int
    reason: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind in one partition."""

    group: str
    topic: str
    partition: int
    committed: int
    end: int

    @property
    def behind(self) -> int:
        return max(self.end - self.committed, 0)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a group has beside its partitions: messages that wait to be tried again, and dead letters not given back."""

    group: str
    retries: int
    dead: int


LARGEST_LETTER = 2**48 - 1
"""What a dead letter's number is at most: a number that JSON and every table can hold."""


class Outbox(Protocol):
    """Events saved with the state they tell of. Reached as `tx.outbox`."""

    def add(self, *events: CloudEvent) -> None: ...


class LogConsumer(Protocol):
    """A member of a consumer group. Joins at the first poll; used by one thread, the one that polled first."""

    def poll(self, max_messages: int = 100, timeout: float = 0.0) -> Sequence[Message]:
        """The next messages of the partitions that this member holds, in order within each. Empty after `timeout` s.

        Also brings what the group has to try again, once its time has come. The first poll of a new group begins
        at the oldest message. A poll may come back early and empty while partitions change hands.
        """
        ...

    def commit(self, positions: Iterable[Position]) -> None:
        """Commit as handled, with all that stands before them in their partitions: a restart begins behind them.

        Raises Conflict where a partition was taken by another member, or rewound, meanwhile; the other positions
        are committed all the same. What a Conflict names comes again, here or at the other member.
        """
        ...

    def seek(self, position: Position) -> None:
        """Read on from here, whatever is committed. Raises Conflict where this member does not hold the partition."""
        ...

    def keep_alive(self) -> None:
        """Called now and then in the middle of long work: this member lives and keeps its partitions. Cheap."""
        ...

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        ...


class EventLog(Protocol):
    """The log itself. A topic that was never created is refused with NotFound, not created by the way."""

    def create_topics(self, topics: Iterable[TopicSpec]) -> Mapping[str, int]:
        """Create what is missing. Retention may change; partitions only grow (keys then move). Raises Conflict.
        The topics that were there and got more partitions: how many each had."""
        ...

    def prepare_group(self, group: str, topics: Sequence[str]) -> None:
        """Make ready what a group needs beside the topics that it reads. Safe to run again."""
        ...

    def publish(self, topic: str, events: Sequence[CloudEvent]) -> None:
        """Append, durably when it returns."""
        ...

    def publish_raw(self, topic: str, key: str, value: bytes) -> None:
        """Append bytes as they are (webhooks, replays, tests of broken messages)."""
        ...

    def consumer(self, group: str, topics: Sequence[str]) -> LogConsumer:
        """A member of `group`; it joins when it polls first."""
        ...

    def lag(self, group: str | None = None) -> Sequence[Lag]:
        """How far each group (or this one) is behind, partition by partition."""
        ...

    def rewind(self, group: str, topic: str, *, offset: int | None = None, at: datetime | None = None) -> None:
        """Set a group's committed offsets of a topic to an offset, or to the first message at or after an instant.

        What the group then reads for a second time is marked `replayed`. A member at work is fenced: its next
        commit there raises Conflict.
        """
        ...

    def retry(self, group: str, message: Message, *, not_before: datetime, reason: str) -> None:
        """Bring the message to this group again, not before an instant, with one attempt more on its account.
        The caller then commits its position: the partition moves on meanwhile. Raises MessageTooLarge."""
        ...

    def waiting(self, group: str | None = None) -> Sequence[Waiting]:
        """What waits to be tried again, the next first."""
        ...

    def backlog(self) -> Sequence[Backlog]:
        """How much waits to be tried again and how many dead letters there are, for each group that has any. Cheap:
        nothing that waits is read."""
        ...

    def survey(self, topics: Sequence[TopicSpec], groups: Mapping[str, Sequence[str]]) -> str:
        """Look whether these topics, and the groups that read them, are there as declared: what was found, in a line.
        Changes nothing. Raises ConfigurationError that names what is wrong and what to do, or ConnectionError."""
        ...

    def expire(self, now: datetime) -> int:
        """Delete what is older than its topic's retention; how many messages. A log may keep longer what a known group
        has not read yet."""
        ...

    def bury(self, group: str, message: Message, reason: str, detail: str, attempts: int) -> None:
        """Put a message among the dead letters. A second burial of the same message renews the first. Its size is no
        obstacle: one that the log cannot keep whole there becomes a stub (DeadLetter.whole_bytes)."""
        ...

    def dead_letters(self, *, group: str | None = None, limit: int = 100) -> Sequence[DeadLetter]: ...

    def replay_dead(self, ids: Sequence[int]) -> int:
        """Give dead letters back to their group (only that one) to be handled again; how many. One that dies again is
        a dead letter again, however soon it does. Of a stub the whole is read where it stood first. Raises Conflict,
        once the others are given back, which names those whose whole is gone or too large to be given back."""
        ...

    def discard_dead(self, ids: Sequence[int]) -> int:
        """Throw dead letters away; how many. A message that dies (again) later is a dead letter all the same."""
        ...
