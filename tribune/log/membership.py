"""Who is in a consumer group, and which partitions each member holds.

Any member may rebalance, under the write lock: it lets go of what is no longer its own and takes what is free or
was held by the dead. A partition so passes on at the next poll of its holder, when nothing of it is in hand.
Liveness goes by the database's clock (decisions.md, 19): an injected clock that is moved kills nobody.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import structlog
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import SQLAlchemyError

from tribune.ports.clock import SystemClock
from tribune.store.tables import log_members, log_offsets, log_partitions

Partition = tuple[str, int]
WALL = SystemClock()
"""For waiting and local deadlines: how long a process waits for another is physical, whatever date a test plays."""

_m, _o, _p = log_members.c, log_offsets.c, log_partitions.c


class Holding(NamedTuple):
    """A partition as its group has it."""

    partition: Partition
    committed: int
    member: str | None
    generation: int
    replay_upto: int


def assign(members: Mapping[str, Iterable[str]], owners: Mapping[Partition, str | None]) -> dict[Partition, str]:
    """Share partitions out evenly, topic by topic, moving as few as can be.

    `members`: member -> the topics it reads; `owners`: who holds each partition now. The same state gives
    every member the same answer, and the answer applied gives itself again.
    """
    wanted: dict[Partition, str] = {}
    for topic in sorted({topic for topic, _ in owners}):
        able = [member for member, topics in members.items() if topic in topics]
        if not able:
            continue
        here = sorted(partition for partition in owners if partition[0] == topic)
        held = {member: [partition for partition in here if owners[partition] == member] for member in able}
        able.sort(key=lambda member: (-len(held[member]), member))
        each, more = divmod(len(here), len(able))
        room = {member: each + (place < more) for place, member in enumerate(able)}
        for member in able:
            for partition in held[member][: room[member]]:
                wanted[partition] = member
                room[member] -= 1
        for partition in here:
            if partition not in wanted:
                taker = next(member for member in able if room[member])
                wanted[partition] = taker
                room[taker] -= 1
    return wanted


def _instant(seconds_ago: float = 0.0) -> ColumnElement[str]:
    """The database's clock, as `tables.Instant` writes it."""
    return func.strftime("%Y-%m-%dT%H:%M:%f000+00:00", "now", f"-{seconds_ago:.3f} seconds")


def join(connection: Connection, group: str, member: str, topics: Sequence[str]) -> None:
    """Enter the group (again, for a member that was taken for dead), and give it offsets where it has none."""
    row = {"consumer_group": group, "member": member, "topics": json.dumps(topics), "seen_at": _instant()}
    entry = upsert(log_members).values(row)
    connection.execute(
        entry.on_conflict_do_update(index_elements=["consumer_group", "member"], set_={"seen_at": _instant()})
    )
    held = {one.partition for one in holdings(connection, group)}
    fresh = [
        {"consumer_group": group, "topic": topic, "partition": partition, "committed": 0}
        for topic, partition in sorted(partitions(connection, topics) - held)
    ]
    if fresh:
        connection.execute(insert(log_offsets), fresh)


def leave(connection: Connection, group: str, member: str) -> None:
    """Go, and let go of everything: others take over at their next poll."""
    connection.execute(delete(log_members).where(_m.consumer_group == group, _m.member == member))
    connection.execute(update(log_offsets).where(_o.consumer_group == group, _o.member == member).values(member=None))


def partitions(connection: Connection, topics: Sequence[str]) -> set[Partition]:
    """The partitions that topics have."""
    asked = select(_p.topic, _p.partition).where(_p.topic.in_(topics))
    return {(row.topic, row.partition) for row in connection.execute(asked)}


def alive(connection: Connection, group: str, session_seconds: float) -> dict[str, list[str]]:
    """The living members of a group: member -> topics."""
    asked = select(_m.member, _m.topics).where(_m.consumer_group == group, _m.seen_at >= _instant(session_seconds))
    return {row.member: json.loads(row.topics) for row in connection.execute(asked)}


def holdings(connection: Connection, group: str) -> list[Holding]:
    """The partitions of a group."""
    asked = select(_o.topic, _o.partition, _o.committed, _o.member, _o.generation, _o.replay_upto)
    return [
        Holding((row.topic, row.partition), row.committed, row.member, row.generation, row.replay_upto)
        for row in connection.execute(asked.where(_o.consumer_group == group))
    ]


class Moves(NamedTuple):
    """What a member has to do: partitions to let go of, and to take."""

    release: list[Partition]
    take: list[Partition]


def moves(member: str, members: Mapping[str, list[str]], held: Sequence[Holding]) -> Moves:
    """What `member` has to do, now that the living `members` hold what they hold."""
    owners = {h.partition: h.member if h.member in members else None for h in held}
    wanted = assign(members, owners)
    return Moves(
        release=[p for p, owner in owners.items() if owner == member and wanted.get(p) != member],
        take=[p for p, owner in owners.items() if owner is None and wanted.get(p) == member],
    )


def rebalance(
    connection: Connection, group: str, member: str, topics: Sequence[str], session_seconds: float
) -> list[Holding]:
    """Do what has to be done, under the write lock; the partitions as they are then."""
    join(connection, group, member, topics)
    stale = _m.seen_at < _instant(session_seconds)
    connection.execute(delete(log_members).where(_m.consumer_group == group, stale))
    release, take = moves(member, alive(connection, group, session_seconds), holdings(connection, group))
    for places, owner, step in ((release, None, 0), (take, member, 1)):
        for topic, partition in places:
            connection.execute(
                update(log_offsets)
                .where(_o.consumer_group == group, _o.topic == topic, _o.partition == partition)
                .values(member=owner, generation=_o.generation + step)
            )
    return holdings(connection, group)


class Heart:
    """Says for this process's members that they live: one thread, one small write each third of a session.

    A member in a long handler so stays alive, one that has not polled for `max_poll_seconds` does not, and a
    process that is killed or stopped falls silent.
    """

    def __init__(
        self, writing: Callable[[], AbstractContextManager[Connection]], session_seconds: float, max_poll_seconds: float
    ) -> None:
        self.session_seconds = session_seconds
        self._writing = writing
        self._max_poll_seconds = max_poll_seconds
        self._polled: dict[str, float] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def polled(self, member: str) -> None:
        """The member has just polled."""
        with self._lock:
            self._polled[member] = WALL.monotonic()
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._beat, args=(self._stop,), name="tribune-log-heart", daemon=True
                )
                self._thread.start()

    def forget(self, member: str) -> None:
        """The member left. The last one takes the thread along."""
        with self._lock:
            self._polled.pop(member, None)
            if not self._polled and self._thread is not None:
                self._stop.set()
                self._thread.join()
                self._thread = None

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(self.session_seconds / 3):
            oldest = WALL.monotonic() - self._max_poll_seconds
            members = [member for member, at in self._polled.copy().items() if at > oldest]
            try:
                with self._writing() as connection:
                    connection.execute(update(log_members).where(_m.member.in_(members)).values(seen_at=_instant()))
            except SQLAlchemyError as error:
                structlog.get_logger().warning("log heartbeat missed", error=type(error).__name__)
