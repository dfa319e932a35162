"""A member of a consumer group of the embedded log.

Waiting costs little: SQLite's `PRAGMA data_version` changes when another connection has committed, and takes some
microseconds to read. A waiting member reads it a hundred times a second. When it changed, one small query tells
whether it was about this group; only then the member looks further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, select, update

from tribune.domain.errors import Conflict
from tribune.log import dead_letters, membership, queries
from tribune.log.membership import WALL, Heart, Holding, Partition
from tribune.ports.clock import Clock
from tribune.ports.log import Message, Position
from tribune.store.tables import log_offsets

NAP_SECONDS = 0.01

_o = log_offsets.c


@dataclass(slots=True)
class _Held:
    """A partition in this member's hands: `next` is the offset to read next."""

    generation: int
    next: int
    replay_upto: int


class EmbeddedConsumer:
    """Implements tribune.ports.log.LogConsumer."""

    def __init__(self, engine: Engine, clock: Clock, heart: Heart, group: str, topics: tuple[str, ...]) -> None:
        self.group = group
        self.topics = topics
        self.member = uuid4().hex
        self._engine = engine
        self._clock = clock
        self._heart = heart
        self._held: dict[Partition, _Held] = {}
        self._handed: set[int] = set()  # retries given out and not committed yet
        self._kept: Connection | None = None
        self._version = -1
        self._state: tuple[object, ...] = ()
        self._look_at = 0.0
        self._more = False
        self._retry_at: datetime | None = None
        self._turn = 0

    def poll(self, max_messages: int = 100, timeout: float = 0.0) -> Sequence[Message]:
        """The next messages of the partitions held, retries that are due first. Empty after `timeout` seconds."""
        deadline = WALL.monotonic() + timeout
        self._heart.polled(self.member)
        while True:
            self._look()
            if self._more or (self._retry_at is not None and self._retry_at <= self._clock.now()):
                messages = self._fetch(max_messages)
                if messages:
                    return messages
            left = deadline - WALL.monotonic()
            if left <= 0:
                return []
            WALL.sleep(min(NAP_SECONDS, left))

    def commit(self, positions: Iterable[Position]) -> None:
        """Commit as handled. Raises Conflict where a partition was taken or rewound meanwhile."""
        upto: dict[Partition, int] = {}
        retries: dict[Partition, list[int]] = {}
        prefix = dead_letters.retry_topic(self.group, "")
        for position in positions:
            place = (position.topic.removeprefix(prefix), position.partition)
            if position.topic.startswith(prefix):
                retries.setdefault(place, []).append(position.offset)
            else:
                upto[place] = max(upto.get(place, 0), position.offset + 1)
        if not upto and not retries:
            return
        lost = []
        with self._writing() as connection:
            for place in upto.keys() | retries.keys():
                if not self._commit_one(connection, place, upto.get(place)):
                    lost.append(place)
                elif place in retries:
                    dead_letters.take_out(connection, self.group, retries[place])
        self._handed.difference_update(*retries.values())
        if lost:
            for place in lost:
                self._held.pop(place, None)
            self._look_at = 0.0
            names = ", ".join(f"{topic}/{partition}" for topic, partition in sorted(lost))
            raise Conflict(f"{names} passed to another member of {self.group}, or was rewound, before the commit.")

    def _commit_one(self, connection: Connection, place: Partition, upto: int | None) -> bool:
        """Whether the partition is still this member's; moves its committed offset where `upto` is given."""
        held = self._held.get(place)
        if held is None:
            return False
        mine = (
            _o.consumer_group == self.group,
            _o.topic == place[0],
            _o.partition == place[1],
            _o.member == self.member,
            _o.generation == held.generation,
        )
        if upto is None:
            return connection.execute(select(_o.committed).where(*mine)).first() is not None
        return connection.execute(update(log_offsets).where(*mine).values(committed=upto)).rowcount == 1

    def seek(self, position: Position) -> None:
        """Read on from here. Raises Conflict where this member does not hold the partition."""
        self._look()
        held = self._held.get((position.topic, position.partition))
        if held is None:
            raise Conflict(f"{position.topic}/{position.partition} is not in the hands of this member.")
        held.next = position.offset
        self._more = True

    def keep_alive(self) -> None:
        """Long work is no sign of being stuck."""
        self._heart.polled(self.member)

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._heart.forget(self.member)
        if self._kept is not None:
            try:
                with self._writing() as connection:
                    membership.leave(connection, self.group, self.member)
            finally:
                self._kept.close()
                self._kept = None
                self._held.clear()
                self._handed.clear()
                self._version = -1

    def _look(self) -> None:
        """See whether anything was committed, and whether partitions changed hands."""
        version = self._data_version()
        now = WALL.monotonic()
        if version == self._version and now < self._look_at:
            return
        self._version = version
        state = queries.state_of_group(self._driver(), self.group, self.topics)
        if state == self._state and now < self._look_at:
            return
        self._state = state
        self._look_at = now + self._heart.session_seconds / 3
        with self._reading() as connection:
            members = membership.alive(connection, self.group, self._heart.session_seconds)
            held = membership.holdings(connection, self.group)
            complete = membership.partitions(connection, self.topics) <= {one.partition for one in held}
        if not complete or self.member not in members or any(membership.moves(self.member, members, held)):
            with self._writing() as connection:
                held = membership.rebalance(
                    connection, self.group, self.member, self.topics, self._heart.session_seconds
                )
        self._take_in(held)
        self._more = True

    def _take_in(self, holdings: Sequence[Holding]) -> None:
        mine = {h.partition: h for h in holdings if h.member == self.member}
        for place in self._held.keys() - mine.keys():
            del self._held[place]
        for place, holding in mine.items():
            held = self._held.get(place)
            if held is None or held.generation != holding.generation:
                self._held[place] = _Held(holding.generation, holding.committed, holding.replay_upto)

    def _fetch(self, limit: int) -> list[Message]:
        """Up to `limit` messages; the partitions take turns in being first."""
        places = sorted(self._held)
        if not places:
            self._more, self._retry_at = False, None
            return []
        self._turn = (self._turn + 1) % len(places)
        found: list[Message] = []
        with self._reading() as connection:
            due = dead_letters.due(connection, self.group, places, self._clock.now(), self._handed, limit)
            self._handed.update(message.position.offset for message in due)
            found += due
            for place in places[self._turn :] + places[: self._turn]:
                if len(found) < limit:
                    found += self._read(connection, place, limit - len(found))
            self._retry_at = dead_letters.next_due(connection, self.group, places, self._handed)
        self._more = len(found) >= limit
        return found

    def _read(self, connection: Connection, place: Partition, limit: int) -> list[Message]:
        held = self._held[place]
        topic, partition = place
        rows = queries.messages(connection, topic, partition, held.next, limit)
        if not rows:
            return []
        held.next = rows[-1][0] + 1
        return [
            Message(Position(topic, partition, offset), key, value, published_at, 0, offset < held.replay_upto)
            for offset, key, value, published_at in rows
        ]

    def _connection(self) -> Connection:
        if self._kept is None:
            self._kept = self._engine.connect()
        return self._kept

    def _driver(self) -> Any:
        """The connection itself, for the two questions that are asked a hundred times a second: SQLAlchemy would open a
        transaction around each."""
        return self._connection().connection.driver_connection

    def _data_version(self) -> int:
        version: int = self._driver().execute("PRAGMA data_version").fetchone()[0]
        return version

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        connection = self._connection().execution_options(tribune_write=False)
        with connection.begin():
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        connection = self._connection().execution_options(tribune_write=True)
        with connection.begin():
            yield connection
