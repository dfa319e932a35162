"""The embedded log's queries on topics, messages and offsets, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from tribune.ports.log import Lag, TopicSpec
from tribune.store.tables import instant_text, log_messages, log_offsets, log_partitions, log_topics

NewMessage = tuple[str, int, int, str, bytes, datetime]
"""Topic, partition, offset, key, value, published at."""

_m, _o, _p = log_messages.c, log_offsets.c, log_partitions.c


# Statements of the busiest ways are built once: building one costs more than running it.
_ENDS = select(_p.partition, _p.next_offset).where(_p.topic == bindparam("topic")).order_by(_p.partition)
_MOVE_END = (
    update(log_partitions)
    .where(_p.topic == bindparam("of_topic"), _p.partition == bindparam("of_partition"))
    .values(next_offset=bindparam("end"))
)


class Cut(NamedTuple):
    """What retention takes away: messages of a partition below an offset."""

    topic: str
    partition: int
    below: int


def save_topic(connection: Connection, topic: TopicSpec, held: int) -> None:
    """Create a topic, or set its retention and add partitions beyond the `held` ones."""
    row = {"name": topic.name, "partitions": topic.partitions, "retention_hours": topic.retention_hours}
    connection.execute(upsert(log_topics).values(row).on_conflict_do_update(index_elements=["name"], set_=row))
    fresh = [{"topic": topic.name, "partition": n, "next_offset": 0} for n in range(held, topic.partitions)]
    if fresh:
        connection.execute(insert(log_partitions), fresh)


def partition_ends(connection: Connection, topic: str) -> dict[int, int]:
    """Partition -> the next offset to be given. Empty where there is no such topic."""
    return {row.partition: row.next_offset for row in connection.execute(_ENDS, {"topic": topic})}


def set_partition_ends(connection: Connection, topic: str, ends: Mapping[int, int]) -> None:
    """Move the ends on."""
    connection.execute(_MOVE_END, [{"of_topic": topic, "of_partition": n, "end": end} for n, end in ends.items()])


_INSERT_MESSAGE = (
    "INSERT INTO log_messages (topic, partition, offset, key, value, published_at) VALUES (?, ?, ?, ?, ?, ?)"
)


def insert_messages(connection: Connection, rows: Sequence[NewMessage]) -> None:
    """Append rows. Passes Core by: as positional tuples they cost half."""
    if rows:
        text = instant_text(rows[0][5])
        connection.exec_driver_sql(_INSERT_MESSAGE, [(*row[:5], text) for row in rows])


def messages(
    connection: Connection, topic: str, partition: int, offset: int, limit: int
) -> Sequence[Row[int, str, bytes, datetime]]:
    """Messages of a partition from `offset` on, in order: offset, key, value, published_at."""
    asked = (
        select(_m.offset, _m.key, _m.value, _m.published_at)
        .where(_m.topic == topic, _m.partition == partition, _m.offset >= offset)
        .order_by(_m.offset)
        .limit(limit)
    )
    return connection.execute(asked).all()


_STATE_OF_GROUP = """
SELECT
    (SELECT group_concat(next_offset) FROM log_partitions WHERE topic IN ({topics})),
    (SELECT group_concat(generation || coalesce(member, '-')) FROM log_offsets WHERE consumer_group = :group),
    (SELECT group_concat(member) FROM log_members WHERE consumer_group = :group),
    (SELECT max(id) FROM log_retries WHERE consumer_group = :group)
"""


def state_of_group(driver: Any, group: str, topics: Sequence[str]) -> tuple[object, ...]:
    """Something that changes with whatever a waiting member has to heed: ends, owners, members, retries."""
    named = {f"t{n}": topic for n, topic in enumerate(topics)}
    asked = _STATE_OF_GROUP.format(topics=", ".join(f":{name}" for name in named))
    state: tuple[object, ...] = driver.execute(asked, {"group": group, **named}).fetchone()
    return state


def first_at(connection: Connection, topic: str, partition: int, at: datetime) -> int | None:
    """The offset of the first message of a partition at or after an instant."""
    asked = select(func.min(_m.offset)).where(_m.topic == topic, _m.partition == partition, _m.published_at >= at)
    return connection.execute(asked).scalar()


def lags(connection: Connection, group: str | None) -> list[Lag]:
    """Lag per group and partition. A group that never read a partition stands at its first message."""
    start = (
        select(func.min(_m.offset))
        .where(_m.topic == _p.topic, _m.partition == _p.partition)
        .correlate(log_partitions)
        .scalar_subquery()
    )
    asked = (
        select(_o.consumer_group, _o.topic, _o.partition, _o.committed, _p.next_offset, start.label("start"))
        .join(log_partitions, (_o.topic == _p.topic) & (_o.partition == _p.partition))
        .order_by(_o.consumer_group, _o.topic, _o.partition)
    )
    if group is not None:
        asked = asked.where(_o.consumer_group == group)
    return [
        Lag(
            group=row.consumer_group,
            topic=row.topic,
            partition=row.partition,
            committed=max(row.committed, row.next_offset if row.start is None else row.start),
            end=row.next_offset,
        )
        for row in connection.execute(asked)
    ]


def rewind(connection: Connection, group: str, topic: str, partition: int, to: int) -> None:
    """Set the committed offset; what lies below the old one is marked as replayed. Fences the member at work."""
    row = {"consumer_group": group, "topic": topic, "partition": partition, "committed": to}
    connection.execute(
        upsert(log_offsets)
        .values(row)
        .on_conflict_do_update(
            index_elements=["consumer_group", "topic", "partition"],
            set_={
                "replay_upto": func.max(_o.replay_upto, _o.committed),
                "committed": to,
                "generation": _o.generation + 1,
            },
        )
    )


UNREAD_KEPT = 2
"""What a known group has not read is kept for so many times its topic's retention: a group that was away comes back to
it, and one that never comes back does not fill the disk."""


def expired_below(connection: Connection, now: datetime) -> list[Cut]:
    """Per partition, the offset below which everything is older than the topic's retention, and was read by every
    known group or is older than UNREAD_KEPT times that."""
    cuts = []
    read_below = _read_below(connection)
    asked = select(log_topics.c.name, log_topics.c.retention_hours, _p.partition, _p.next_offset).join(
        log_partitions, _p.topic == log_topics.c.name
    )
    for row in connection.execute(asked.where(log_topics.c.retention_hours.is_not(None))).all():
        retention = timedelta(hours=row.retention_hours)
        place = row.name, row.partition, row.next_offset
        below = _first_kept(connection, *place, now - retention)
        unread = read_below(row.name, row.partition)
        if unread < below:
            below = min(below, max(int(unread), _first_kept(connection, *place, now - UNREAD_KEPT * retention)))
        cuts.append(Cut(row.name, row.partition, below))
    return cuts


def _first_kept(connection: Connection, topic: str, partition: int, end: int, since: datetime) -> int:
    """The first offset of a partition that is not older than `since`; its end where all are."""
    found = first_at(connection, topic, partition, since)
    return end if found is None else found


def _read_below(connection: Connection) -> Callable[[str, int], float]:
    """For a topic and a partition, the offset below which every group that is known to read the topic has read; without
    end where there is no such group."""
    groups: dict[str, set[str]] = {}
    committed: dict[tuple[str, str, int], int] = {}
    for row in connection.execute(select(_o.consumer_group, _o.topic, _o.partition, _o.committed)):
        groups.setdefault(row.topic, set()).add(row.consumer_group)
        committed[row.consumer_group, row.topic, row.partition] = row.committed

    def below(topic: str, partition: int) -> float:
        # A partition that came later may have no row yet of a group that reads the topic: nothing of it was read.
        return min((committed.get((group, topic, partition), 0) for group in groups.get(topic, ())), default=math.inf)

    return below


def delete_below(connection: Connection, cut: Cut, limit: int) -> int:
    """Delete at most `limit` messages below the cut, the oldest first; how many."""
    here = (_m.topic == cut.topic, _m.partition == cut.partition)
    last = select(_m.offset).where(*here, _m.offset < cut.below).order_by(_m.offset).limit(limit).subquery()
    upto = connection.execute(select(func.max(last.c.offset))).scalar()
    if upto is None:
        return 0
    return connection.execute(delete(log_messages).where(*here, _m.offset <= upto)).rowcount
