"""A member of a consumer group of Kafka.

It reads its topics and the retry topics that belong to them. Membership is the classic group protocol: kafka-python
sends heartbeats from a thread of its own, but a member that does not poll for long is put out, and holds up everybody
who joins meanwhile. So while the loop is at work, a keeper polls in its place with all partitions paused.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from kafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka

from tribune.domain.errors import Conflict
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.errors import FENCED, translated
from tribune.log.kafka.holdings import Events, Retries, done_of, replay_of
from tribune.log.kafka.records import message_of, retry_of, retry_topic
from tribune.ports.clock import Clock, SystemClock
from tribune.ports.log import Message, Position

ALL = 1_000_000
"""kafka-python is always asked for all that it has got (cluster.py bounds that). What it keeps back of a partition that
is then paused it may never give: it forgets about it."""

READY_AT_MOST = 1_000
"""A partition with so many messages in hand is not read further meanwhile: the others get their turn."""

WAIT_SECONDS = 0.1
"""The longest that kafka-python is let wait: what changes hands meanwhile is opened in between."""

RETRIES_BYTES = 64_000_000
"""Retries that wait are kept in memory, up to so much a partition; beyond it they are read when others are done."""

WALL = SystemClock()


class KafkaMember:
    """Implements tribune.ports.log.LogConsumer."""

    def __init__(self, cluster: Cluster, clock: Clock, group: str, topics: Sequence[str]) -> None:
        self.group = group
        self._cluster = cluster
        self._clock = clock
        self._retries = {cluster.topic(retry_topic(group, topic)): retry_topic(group, topic) for topic in topics}
        self._names = {cluster.topic(topic): topic for topic in topics} | self._retries
        self._lock = threading.RLock()
        self._consumer: Any = None
        self._held: dict[TopicPartition, Events | Retries] = {}
        self._fresh: set[TopicPartition] = set()
        self._full: set[TopicPartition] = set()
        self._generation = -1
        self._resting = False
        self._turn = 0
        self._polled_at = self._alive_at = WALL.monotonic()
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None

    # -- the port

    def poll(self, max_messages: int = 100, timeout: float = 0.0) -> Sequence[Message]:
        """The next messages of the partitions held, retries that are due first. Empty after `timeout` seconds.
        Raises BrokerAway."""
        deadline = WALL.monotonic() + timeout
        with self._lock, translated(f"read for {self.group}", self._cluster.servers):
            self._join()
            self._wake()
            try:
                self._fetch(0.0)
                while True:
                    messages = self._give(max_messages)
                    left = deadline - WALL.monotonic()
                    if messages or left <= 0:
                        return messages
                    self._fetch(min(left, self._until_due(), WAIT_SECONDS))
            finally:
                self._polled_at = self._alive_at = WALL.monotonic()

    def commit(self, positions: Iterable[Position]) -> None:
        """Commit as handled. Raises Conflict where a partition was taken or rewound meanwhile; BrokerAway."""
        asked: dict[TopicPartition, set[int]] = {}
        for position in positions:
            place = TopicPartition(self._cluster.topic(position.topic), position.partition)
            asked.setdefault(place, set()).add(position.offset)
        if not asked:
            return
        with self._lock, translated(f"commit for {self.group}", self._cluster.servers):
            lost = self._commit(asked)
        if lost:
            names = ", ".join(sorted(f"{self._names.get(tp.topic, tp.topic)}/{tp.partition}" for tp in lost))
            raise Conflict(f"{names} passed to another member of {self.group}, or was rewound, before the commit.")

    def seek(self, position: Position) -> None:
        """Read on from here. Raises Conflict where this member does not hold the partition."""
        place = TopicPartition(self._cluster.topic(position.topic), position.partition)
        with self._lock:
            held = self._held.get(place)
            if not isinstance(held, Events):
                raise Conflict(f"{position.topic}/{position.partition} is not in the hands of this member.")
            held.ready.clear()
            self._consumer.seek(place, position.offset)

    def keep_alive(self) -> None:
        """Long work is no sign of being stuck: the keeper goes on. Costs nothing."""
        self._alive_at = WALL.monotonic()

    def close(self) -> None:
        """Leave the group, so that others take over at once. What the broker says to it does not matter."""
        self._ended.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None
        with self._lock:
            consumer, self._consumer = self._consumer, None
            self._held.clear()
            if consumer is not None:
                with suppress(Exception):
                    consumer.close(autocommit=False, timeout_ms=3_000)

    # -- membership

    def _join(self) -> None:
        if self._consumer is not None:
            return
        self._consumer = self._cluster.member(self.group)
        self._consumer.subscribe(topics=list(self._names), listener=_Listener(self))
        for name in self._names:  # a member that shares out before it knows the topics would share out nothing
            self._consumer.partitions_for_topic(name)
        self._ended.clear()
        self._keeper = threading.Thread(target=self._keep, name=f"keeper {self.group}", daemon=True)
        self._keeper.start()

    def assigned(self, places: set[TopicPartition]) -> None:
        """The group has shared out anew. Called by kafka-python's thread while `poll` or the keeper waits for it.

        A partition that was ours in the generation before has been nobody else's: it is read on where it was. Any
        other begins where the group has committed.
        """
        generation = self._consumer.group_metadata().generation_id
        kept = self._held if generation == self._generation + 1 else {}
        self._held = {place: held for place, held in kept.items() if place in places}
        self._fresh = {place for place in places if place not in self._held}
        self._full &= self._held.keys()
        self._generation = generation
        self._consumer.pause(*(places if self._resting else self._fresh))

    def lost(self) -> None:
        """The group has gone on without this member."""
        self._held = {}
        self._fresh = set()
        self._generation = -1

    def _open(self) -> None:
        """Find where to begin in the partitions that are new here."""
        for place in sorted(self._fresh):
            told = self._consumer.committed(place, metadata=True)
            if told is None or told.offset < 0:
                # The group's first contact: said to the broker, so that it can be seen how far behind the group is.
                start = self._consumer.beginning_offsets([place])[place]
                told = OffsetAndMetadata(start, "", -1)
                with suppress(kafka.RebalanceInProgressError, *FENCED):
                    self._consumer.commit({place: told})
            if place not in self._fresh:  # shared out anew meanwhile
                continue
            if place.topic in self._retries:
                done = done_of(told.metadata)
                self._held[place] = Retries(told.offset, done=done, next=told.offset)
            else:
                self._held[place] = Events(told.offset, replay_upto=replay_of(told.metadata))
            self._consumer.seek(place, told.offset)
            self._fresh.discard(place)
            self._consumer.resume(place)

    def _keep(self) -> None:
        """While the loop is at work, poll in its place, so that the group knows that this member is alive, and goes on.
        A loop that has been at work for too long is taken for stuck."""
        every = max(self._cluster.session_seconds / 10, 0.1)
        while not self._ended.wait(every):
            if not self._lock.acquire(blocking=False):
                continue
            try:
                now = WALL.monotonic()
                stuck = now - self._alive_at > self._cluster.work_seconds
                if now - self._polled_at > every and not stuck and self._consumer is not None:
                    self._attend(0.05)
            except Exception:  # noqa: S110 - the next poll or commit meets it, and tells
                pass
            finally:
                self._lock.release()

    def _attend(self, seconds: float) -> None:
        """Take part in the group without reading."""
        self._resting = True
        assignment = self._consumer.assignment()
        if assignment:
            self._consumer.pause(*assignment)
        self._sort(self._consumer.poll(timeout_ms=int(seconds * 1_000), max_records=ALL))

    def _wake(self) -> None:
        if self._resting:
            self._resting = False
            places = [place for place in self._held if place not in self._full and place in self._consumer.assignment()]
            if places:
                self._consumer.resume(*places)

    # -- reading

    def _fetch(self, seconds: float) -> None:
        """Read what there is; wait for it at most so long."""
        wait = int(seconds * 1_000)
        for _ in range(4):
            found = self._consumer.poll(timeout_ms=wait, max_records=ALL)
            if self._fresh:
                self._open()
            self._sort(found)
            wait = 0
            if not found:
                break

    def _sort(self, found: dict[TopicPartition, list[Any]]) -> None:
        for place, records in found.items():
            held = self._held.get(place)
            if isinstance(held, Events):
                held.ready.extend(message_of(one, self._names[place.topic], held.replay_upto) for one in records)
                full = len(held.ready) >= READY_AT_MOST
            elif isinstance(held, Retries):
                for record in records:
                    held.read(retry_of(record, self._names[place.topic]))
                full = held.size >= RETRIES_BYTES
            else:  # not opened yet: read again once it is
                continue
            if full and place not in self._full:
                self._full.add(place)
                self._consumer.pause(place)

    def _until_due(self) -> float:
        """Seconds until the next retry is due."""
        due = [at for held in self._held.values() if isinstance(held, Retries) and (at := held.next_due()) is not None]
        return max((min(due) - self._clock.now()).total_seconds(), 0.01) if due else 3_600.0

    def _give(self, limit: int) -> list[Message]:
        """Retries that are due, then the partitions in turn."""
        now: datetime = self._clock.now()
        given: list[Message] = []
        for held in self._held.values():
            if isinstance(held, Retries):
                given += held.give(now, limit - len(given))
        waiting = [held for held in self._held.values() if isinstance(held, Events) and held.ready]
        if waiting and len(given) < limit:
            self._turn += 1
            turn = self._turn % len(waiting)
            waiting = waiting[turn:] + waiting[:turn]
            while waiting and len(given) < limit:
                share = max((limit - len(given)) // len(waiting), 1)
                for held in waiting:
                    given += [held.give() for _ in range(min(share, len(held.ready), limit - len(given)))]
                waiting = [held for held in waiting if held.ready]
        self._read_on()
        return given

    def _read_on(self) -> None:
        """Partitions that have room again."""
        for place in list(self._full):
            held = self._held[place]
            room = held.size < RETRIES_BYTES / 2 if isinstance(held, Retries) else len(held.ready) < READY_AT_MOST / 4
            if room:
                self._full.discard(place)
                self._consumer.resume(place)

    # -- committing

    def _commit(self, asked: dict[TopicPartition, set[int]]) -> set[TopicPartition]:
        """Commit what is still ours; which partitions are not."""
        until = WALL.monotonic() + self._cluster.request_seconds
        while True:
            mine = {place: offsets for place, offsets in asked.items() if self._may_commit(place, offsets)}
            told = {place: one for place, offsets in mine.items() if (one := self._told(place, offsets)) is not None}
            if not told or self._consumer is None:
                return asked.keys() - mine.keys()
            try:
                self._consumer.commit(
                    {place: OffsetAndMetadata(offset, text, -1) for place, (offset, text) in told.items()},
                    timeout_ms=int(self._cluster.request_seconds * 1_000),
                )
            except kafka.RebalanceInProgressError:
                if WALL.monotonic() > until:
                    self.lost()
                    return set(asked)
                self._attend(0.1)  # the group is sharing out: take part, then see what is still ours
                continue
            except FENCED:
                self.lost()
                return set(asked)
            for place, (offset, _) in told.items():
                held = self._held[place]
                if isinstance(held, Retries):
                    held.finish(mine[place], offset)
                else:
                    held.committed = offset
            return asked.keys() - mine.keys()

    def _may_commit(self, place: TopicPartition, offsets: set[int]) -> bool:
        held = self._held.get(place)
        if isinstance(held, Retries):
            return held.may_commit(offsets)
        return held is not None and held.may_commit(max(offsets) + 1)

    def _told(self, place: TopicPartition, offsets: set[int]) -> tuple[int, str] | None:
        """Offset and metadata to commit; None where that is committed already."""
        held = self._held[place]
        if isinstance(held, Retries):
            return held.after(offsets)
        upto = max(offsets) + 1
        return (upto, held.metadata(upto)) if upto > held.committed else None


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    def __init__(self, member: KafkaMember) -> None:
        self._member = member

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing: what stays ours is kept, what does not is let go when the new shares are known."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._member.assigned(set(assigned))

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._member.lost()
