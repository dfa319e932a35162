"""The event log in the store's own SQLite file (WAL, synchronous=FULL), safe with several processes.

Offsets are given under SQLite's one write lock, which is held until the commit: so the order of offsets is the order
of commits, and a reader never finds a gap that is filled later (decisions.md, 2). Adding to the outbox is the append.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from zlib import crc32

from sqlalchemy import Connection, Engine

from tribune.domain.errors import ConfigurationError, InvalidInput, NotFound
from tribune.domain.events import TYPES, CloudEvent
from tribune.log import dead_letters, queries
from tribune.log.consumer import EmbeddedConsumer
from tribune.log.membership import Heart
from tribune.log.partitions import otherwise, too_many
from tribune.ports.clock import Clock
from tribune.ports.log import Backlog, DeadLetter, Lag, Message, TopicSpec, Waiting
from tribune.services.events.event_codec import MAX_BYTES, encode

SESSION_SECONDS = 10.0
"""A member that is not heard of for so long is taken for dead. Its heart beats three times as often."""

MAX_POLL_SECONDS = 300.0
"""A member that does not poll for so long is taken for stuck: its heart stops."""

DEAD_LETTERS_KEPT = timedelta(days=90)
EXPIRE_SLICE = 5_000


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: the same in every process and version (Python's own hash is neither)."""
    return crc32(key.encode("utf-8", "surrogatepass")) % partitions


class EmbeddedOutbox:
    """Appends in the caller's transaction. Implements tribune.ports.log.Outbox."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def add(self, *events: CloudEvent) -> None:
        """Append events to the topics of their types. Raises InvalidInput for a type that no topic carries."""
        by_topic: dict[str, list[tuple[str, bytes]]] = {}
        for event in events:
            told = TYPES.get(event.type)
            if told is None:
                raise InvalidInput(f"No topic carries events of type {event.type!r}.", hint="See docs/events.md.")
            by_topic.setdefault(told.topic, []).append((event.key, encode(event)))
        if by_topic:
            _append(self._connection, by_topic, self._clock.now())


def _append(connection: Connection, by_topic: dict[str, list[tuple[str, bytes]]], now: datetime) -> None:
    """Give offsets and write. The caller holds the write lock."""
    rows: list[queries.NewMessage] = []
    for topic, told in by_topic.items():
        ends = queries.partition_ends(connection, topic)
        if not ends:
            raise NotFound(f"There is no topic {topic!r}.", hint="Run `tribune migrate`: it creates the topics.")
        touched: set[int] = set()
        for key, value in told:
            partition = partition_of(key, len(ends))
            rows.append((topic, partition, ends[partition], key, value, now))
            ends[partition] += 1
            touched.add(partition)
        queries.set_partition_ends(connection, topic, {partition: ends[partition] for partition in touched})
    queries.insert_messages(connection, rows)


class EmbeddedLog:
    """Implements tribune.ports.log.EventLog."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        session_seconds: float = SESSION_SECONDS,
        max_poll_seconds: float = MAX_POLL_SECONDS,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._heart = Heart(self._writing, session_seconds, max_poll_seconds)

    def create_topics(self, topics: Iterable[TopicSpec]) -> Mapping[str, int]:
        """Create what is missing. Retention may change; partitions only grow (keys then move). Raises Conflict.
        The topics that were there and got more partitions: how many each had."""
        grown: dict[str, int] = {}
        with self._writing() as connection:
            for topic in topics:
                if topic.partitions < 1:
                    raise InvalidInput("A topic needs at least one partition.", where=topic.name)
                held = len(queries.partition_ends(connection, topic.name))
                if topic.partitions < held:
                    raise too_many(topic.name, held)
                queries.save_topic(connection, topic, held)
                if 0 < held < topic.partitions:
                    grown[topic.name] = held
        return grown

    def prepare_group(self, group: str, topics: Sequence[str]) -> None:
        """Nothing: a group's retries are rows of a table."""

    def publish(self, topic: str, events: Sequence[CloudEvent]) -> None:
        """Append, durably when it returns. Raises NotFound for a topic that was never created."""
        self._publish(topic, [(event.key, encode(event)) for event in events])

    def publish_raw(self, topic: str, key: str, value: bytes) -> None:
        """Append bytes as they are."""
        if len(value) > MAX_BYTES:
            raise InvalidInput(f"A message of {len(value):,} bytes; the most is {MAX_BYTES:,}.", where=topic)
        self._publish(topic, [(key, value)])

    def _publish(self, topic: str, told: list[tuple[str, bytes]]) -> None:
        if told:
            with self._writing() as connection:
                _append(connection, {topic: told}, self._clock.now())

    def consumer(self, group: str, topics: Sequence[str]) -> EmbeddedConsumer:
        """A member of `group`; it joins when it polls first. Raises NotFound for a topic that was never created."""
        with self._reading() as connection:
            for topic in topics:
                self._known(connection, topic)
        return EmbeddedConsumer(self._engine, self._clock, self._heart, group, tuple(topics))

    def lag(self, group: str | None = None) -> list[Lag]:
        """How far each group (or this one) is behind, partition by partition. Expired messages do not count."""
        with self._reading() as connection:
            return queries.lags(connection, group)

    def rewind(self, group: str, topic: str, *, offset: int | None = None, at: datetime | None = None) -> None:
        """Set a group's committed offsets of a topic to `offset`, or to the first message at or after `at`."""
        if (offset is None) == (at is None):
            raise InvalidInput("Rewind to an offset or to an instant: give one of the two.")
        with self._writing() as connection:
            ends = self._known(connection, topic)
            for partition, end in ends.items():
                wanted = offset if at is None else queries.first_at(connection, topic, partition, at)
                to = end if wanted is None else min(max(wanted, 0), end)
                queries.rewind(connection, group, topic, partition, to)

    def expire(self, now: datetime) -> int:
        """Delete what is older than its topic's retention; how many messages. What a known group has not read yet stays
        for twice that time (queries.UNREAD_KEPT). In slices: writers get their turn. Dead letters, which
        hold what a source said, go after 90 days."""
        with self._reading() as connection:
            cuts = queries.expired_below(connection, now)
        with self._writing() as connection:
            dead_letters.forget_died_before(connection, now - DEAD_LETTERS_KEPT)
        return sum(self._in_slices(cut) for cut in cuts)

    def _in_slices(self, cut: queries.Cut) -> int:
        gone = 0
        while True:
            with self._writing() as connection:
                deleted = queries.delete_below(connection, cut, EXPIRE_SLICE)
            gone += deleted
            if deleted < EXPIRE_SLICE:
                return gone

    def retry(self, group: str, message: Message, *, not_before: datetime, reason: str) -> None:
        """Bring the message to this group again, not before an instant, with one attempt more on its account."""
        with self._writing() as connection:
            dead_letters.park(connection, group, message, not_before, reason)

    def waiting(self, group: str | None = None) -> list[Waiting]:
        """What waits to be tried again, the next first."""
        with self._reading() as connection:
            return dead_letters.waiting(connection, group)

    def backlog(self) -> list[Backlog]:
        """How much waits to be tried again and how many dead letters there are, for each group that has any."""
        with self._reading() as connection:
            return dead_letters.counted(connection)

    def survey(self, topics: Sequence[TopicSpec], groups: Mapping[str, Sequence[str]]) -> str:
        """Look whether these topics are there, as declared; what was found. Raises ConfigurationError."""
        with self._reading() as connection:
            held = {topic.name: len(queries.partition_ends(connection, topic.name)) for topic in topics}
        missing = [name for name, partitions in held.items() if not partitions]
        if missing:
            raise ConfigurationError(f"There are no topics {', '.join(missing)}: run `tribune migrate`.")
        wrong = otherwise({topic.name: topic.partitions for topic in topics}, held)
        if wrong:
            raise ConfigurationError(f"{'; '.join(wrong)}.")
        return f"embedded in the store; {sum(lag.behind for lag in self.lag())} events wait"

    def bury(self, group: str, message: Message, reason: str, detail: str, attempts: int) -> None:
        """Put a message among the dead letters. A second burial of the same message renews the first."""
        with self._writing() as connection:
            dead_letters.bury(connection, group, message, reason, detail, attempts, self._clock.now())

    def dead_letters(self, *, group: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """The dead letters of a group, or of all; the newest first."""
        with self._reading() as connection:
            return dead_letters.listed(connection, group, limit)

    def replay_dead(self, ids: Sequence[int]) -> int:
        """Give dead letters back to their group (only that one) to be handled again; how many."""
        with self._writing() as connection:
            return dead_letters.replay(connection, ids, self._clock.now())

    def discard_dead(self, ids: Sequence[int]) -> int:
        """Throw dead letters away; how many."""
        with self._writing() as connection:
            return dead_letters.discard(connection, ids)

    @staticmethod
    def _known(connection: Connection, topic: str) -> dict[int, int]:
        ends = queries.partition_ends(connection, topic)
        if not ends:
            raise NotFound(f"There is no topic {topic!r}.", hint="Run `tribune migrate`: it creates the topics.")
        return ends

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection
