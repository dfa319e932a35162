"""The embedded log's queries on what failed: messages that wait to be tried again, and dead letters.

A retried message keeps where it stood first; its row is renewed with each attempt and so gets a new id, which is
the offset of its position: committing the attempt before takes nothing away from the one to come.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from tribune.ports.log import Backlog, DeadLetter, Message, Position, Waiting
from tribune.store.tables import dead_letters, log_retries

_d, _r = dead_letters.c, log_retries.c
_ORIGIN = ("consumer_group", "topic", "partition", "offset")

Partition = tuple[str, int]


def retry_topic(group: str, topic: str) -> str:
    """The name under which a group's retries of a topic are committed."""
    return f"retry.{group}.{topic}"


def _origin(group: str, position: Position) -> dict[str, Any]:
    return {
        "consumer_group": group,
        "topic": position.topic,
        "partition": position.partition,
        "offset": position.offset,
    }


def park(connection: Connection, group: str, message: Message, not_before: datetime, reason: str) -> None:
    """Keep a message for its next attempt; takes the place of the attempt before."""
    origin = _origin(group, message.first_position)
    connection.execute(delete(log_retries).where(*(_r[name] == told for name, told in origin.items())))
    connection.execute(
        insert(log_retries).values(
            **origin,
            key=message.key,
            value=message.value,
            published_at=message.published_at,
            attempts=message.attempts + 1,
            replayed=message.replayed,
            reason=reason,
            not_before=not_before,
        )
    )


def due(
    connection: Connection,
    group: str,
    partitions: Collection[Partition],
    now: datetime,
    handed: Collection[int],
    limit: int,
) -> list[Message]:
    """The group's retries in these partitions whose time has come, without those handed out already."""
    asked = (
        select(log_retries)
        .where(
            _r.consumer_group == group,
            tuple_(_r.topic, _r.partition).in_(list(partitions)),
            _r.not_before <= now,
            _r.id.not_in(list(handed)),
        )
        .order_by(_r.not_before, _r.id)
        .limit(limit)
    )
    return [
        Message(
            position=Position(retry_topic(group, row.topic), row.partition, row.id),
            key=row.key,
            value=row.value,
            published_at=row.published_at,
            attempts=row.attempts,
            replayed=row.replayed,
            origin=Position(row.topic, row.partition, row.offset),
        )
        for row in connection.execute(asked)
    ]


def next_due(
    connection: Connection, group: str, partitions: Collection[Partition], handed: Collection[int]
) -> datetime | None:
    """When the next retry in these partitions is due."""
    asked = select(func.min(_r.not_before)).where(
        _r.consumer_group == group,
        tuple_(_r.topic, _r.partition).in_(list(partitions)),
        _r.id.not_in(list(handed)),
    )
    told: datetime | None = connection.execute(asked).scalar()
    return told


def take_out(connection: Connection, group: str, ids: Collection[int]) -> None:
    """Retries that were handled."""
    connection.execute(delete(log_retries).where(_r.consumer_group == group, _r.id.in_(list(ids))))


def waiting(connection: Connection, group: str | None) -> list[Waiting]:
    """What waits to be tried again, the next first."""
    asked = select(log_retries).order_by(_r.not_before, _r.id)
    if group is not None:
        asked = asked.where(_r.consumer_group == group)
    return [
        Waiting(
            group=row.consumer_group,
            position=Position(row.topic, row.partition, row.offset),
            key=row.key,
            attempts=row.attempts,
            reason=row.reason,
            not_before=row.not_before,
        )
        for row in connection.execute(asked)
    ]


def bury(
    connection: Connection, group: str, message: Message, reason: str, detail: str, attempts: int, now: datetime
) -> None:
    """Keep a dead letter; one a message and group."""
    row = {
        **_origin(group, message.first_position),
        "key": message.key,
        "value": message.value,
        "reason": reason,
        "detail": detail,
        "attempts": attempts,
        "died_at": now,
        "replayed_at": None,
    }
    told = {name: value for name, value in row.items() if name not in _ORIGIN}
    connection.execute(upsert(dead_letters).values(row).on_conflict_do_update(index_elements=_ORIGIN, set_=told))


def listed(connection: Connection, group: str | None, limit: int) -> list[DeadLetter]:
    """Dead letters, the newest first."""
    asked = select(dead_letters).order_by(_d.died_at.desc(), _d.id.desc()).limit(limit)
    if group is not None:
        asked = asked.where(_d.consumer_group == group)
    return [
        DeadLetter(
            id=row.id,
            group=row.consumer_group,
            position=Position(row.topic, row.partition, row.offset),
            key=row.key,
            value=row.value,
            reason=row.reason,
            detail=row.detail,
            died_at=row.died_at,
            attempts=row.attempts,
            replayed_at=row.replayed_at,
        )
        for row in connection.execute(asked)
    ]


def counted(connection: Connection) -> list[Backlog]:
    """How much waits, and how many are dead, group by group."""
    waits = select(_r.consumer_group, func.count()).group_by(_r.consumer_group)
    dead = select(_d.consumer_group, func.count()).where(_d.replayed_at.is_(None)).group_by(_d.consumer_group)
    retries: dict[str, int] = dict(connection.execute(waits).all())
    letters: dict[str, int] = dict(connection.execute(dead).all())
    return [Backlog(one, retries.get(one, 0), letters.get(one, 0)) for one in sorted(retries.keys() | letters.keys())]


def replay(connection: Connection, ids: Sequence[int], now: datetime) -> int:
    """Give dead letters back to their groups, due at once and with their attempts forgotten; how many."""
    rows = connection.execute(select(dead_letters).where(_d.id.in_(list(ids))).order_by(_d.id)).all()
    for row in rows:
        message = Message(
            position=Position(row.topic, row.partition, row.offset),
            key=row.key,
            value=row.value,
            published_at=row.died_at,
            attempts=-1,
            replayed=True,
        )
        # Due since its death: whoever replays may go by another clock than the group.
        park(connection, row.consumer_group, message, row.died_at, f"replayed: {row.reason}")
    connection.execute(update(dead_letters).where(_d.id.in_([row.id for row in rows])).values(replayed_at=now))
    return len(rows)


def discard(connection: Connection, ids: Sequence[int]) -> int:
    """Throw dead letters away; how many."""
    return connection.execute(delete(dead_letters).where(_d.id.in_(list(ids)))).rowcount


def forget_died_before(connection: Connection, instant: datetime) -> int:
    """Dead letters expire too: they hold what a source said."""
    return connection.execute(delete(dead_letters).where(_d.died_at < instant)).rowcount
