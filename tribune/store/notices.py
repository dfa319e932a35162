"""Queries of notices. Implements tribune.ports.notices.Notices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from tribune.domain.notices import WATCH, Notice, NoticeKind, NoticeState, NoticeVerdict
from tribune.store.tables import notices, people

_c = notices.c


class SqlNotices:
    """Named queries over one table. Every write of a sender is conditioned on its epoch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- looking ----------------------------------------------------------------------------------------------

    def one(self, notice_id: int) -> Notice | None:
        row = self._connection.execute(select(notices).where(_c.id == notice_id)).one_or_none()
        return _notice(row) if row else None

    def recent(
        self, *, states: Collection[NoticeState] = (), subscriber: int | None = None, limit: int = 50
    ) -> list[Notice]:
        asked = select(notices).order_by(_c.id.desc()).limit(limit)
        if states:
            asked = asked.where(_c.state.in_([state.value for state in states]))
        if subscriber is not None:
            asked = asked.where(_c.subscriber_id == subscriber)
        return [_notice(row) for row in self._connection.execute(asked)]

    def requested(self, subscriber: int, kind: NoticeKind, since: datetime) -> list[datetime]:
        # The person's row is the lock (SQLite has the one write lock): whoever counts next sees what we add.
        self._connection.execute(
            select(people.c.id).where(people.c.id == subscriber).with_for_update(key_share=True)
        ).all()
        asked = select(_c.created_at).where(
            _c.subscriber_id == subscriber, _c.kind == kind.value, _c.created_at > since
        )
        return list(self._connection.scalars(asked))

    def due(self, now: datetime) -> bool:
        found = self._connection.execute(select(_c.id).where(_c.next_attempt_at <= now).limit(1))
        return found.first() is not None

    # -- the moves --------------------------------------------------------------------------------------------

    def add(
        self,
        subscriber: int,
        kind: NoticeKind,
        locale: str,
        content: Mapping[str, str],
        correlation_id: str,
        now: datetime,
    ) -> Notice:
        row = self._connection.execute(
            insert(notices)
            .values(
                subscriber_id=subscriber,
                kind=kind.value,
                locale=locale,
                content=dict(content),
                state=NoticeState.WAITING.value,
                next_attempt_at=now + WATCH,
                correlation_id=correlation_id,
                created_at=now,
            )
            .returning(*notices.columns)
        ).one()
        return _notice(row)

    def claim(self, notice_id: int, now: datetime, lease: timedelta) -> Notice | None:
        waits = _c.state == NoticeState.WAITING.value
        due = and_(_c.state.in_((NoticeState.RETRY.value, NoticeState.IN_DOUBT.value)), _c.next_attempt_at <= now)
        row = self._connection.execute(
            update(notices)
            .where(_c.id == notice_id, or_(waits, due))
            .values(
                state=NoticeState.IN_DOUBT.value,
                epoch=_c.epoch + 1,
                attempts=_c.attempts + 1,
                handovers=_c.handovers + 1,
                next_attempt_at=now + lease,
            )
            .returning(*notices.columns)
        ).one_or_none()
        return _notice(row) if row else None

    def settle(self, claimed: Notice, verdict: NoticeVerdict, now: datetime) -> bool:
        change = (
            update(notices)
            .where(_c.id == claimed.id, _c.epoch == claimed.epoch, _c.state == NoticeState.IN_DOUBT.value)
            .values(
                state=verdict.state.value,
                code=verdict.code[:200],
                attempts=verdict.attempts,
                handovers=verdict.handovers,
                next_attempt_at=verdict.next_attempt_at,
                settled_at=now if verdict.state.settled else None,
            )
        )
        return self._connection.execute(change).rowcount == 1

    # -- what time does ---------------------------------------------------------------------------------------

    def wake(self, now: datetime, limit: int = 1000) -> list[Notice]:
        # Settled notices have no next attempt. Two schedulers take different rows, and each row once.
        first = (
            select(_c.id)
            .where(_c.next_attempt_at <= now)
            .order_by(_c.next_attempt_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = self._connection.execute(
            update(notices)
            .where(_c.id.in_(first), _c.next_attempt_at <= now)
            .values(state=NoticeState.WAITING.value, epoch=_c.epoch + 1, next_attempt_at=now + WATCH)
            .returning(*notices.columns)
        )
        return sorted((_notice(row) for row in rows), key=lambda notice: notice.id)

    def forget_before(self, instant: datetime) -> int:
        return self._connection.execute(
            delete(notices).where(_c.created_at < instant, _c.settled_at < instant)
        ).rowcount


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        subscriber=row.subscriber_id,
        kind=NoticeKind(row.kind),
        locale=row.locale,
        content=row.content,
        state=NoticeState(row.state),
        correlation_id=row.correlation_id,
        created_at=row.created_at,
        code=row.code,
        attempts=row.attempts,
        handovers=row.handovers,
        epoch=row.epoch,
        next_attempt_at=row.next_attempt_at,
        settled_at=row.settled_at,
    )
