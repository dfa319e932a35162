"""Queries of notices. Implements tribune.ports.notices.Notices."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from tribune.domain.notices import WATCH, Notice, NoticeKind, NoticeState, NoticeVerdict
from tribune.ports.notices import NewNotice, RequestedBy
from tribune.store.among import among
from tribune.store.bulk import insert_rows
from tribune.store.counters import new_ids
from tribune.store.tables import instant_text, notices, people

_c = notices.c
_AT_ONCE = 500
_NEW = (
    *("id", "subscriber_id", "kind", "locale", "content"),
    *("correlation_id", "created_at", "next_attempt_at", "state"),
)


class SqlNotices:
    """Named queries over one table. Every write of a sender is conditioned on its epoch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- looking ----------------------------------------------------------------------------------------------

    def one(self, notice_id: int) -> Notice | None:
        row = self._connection.execute(select(notices).where(_c.id == notice_id)).one_or_none()
        return _notice(row) if row else None

    def recent(
        self,
        *,
        states: Collection[NoticeState] = (),
        kinds: Collection[NoticeKind] = (),
        subscriber: int | None = None,
        limit: int = 50,
    ) -> list[Notice]:
        asked = select(notices).order_by(_c.id.desc()).limit(limit)
        if kinds:
            asked = asked.where(_c.kind.in_([kind.value for kind in kinds]))
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

    def requested_by(
        self, subscribers: Collection[int], since: datetime
    ) -> dict[tuple[int, NoticeKind], list[datetime]]:
        found: RequestedBy = defaultdict(list)
        ids = sorted(set(subscribers))
        for start in range(0, len(ids), _AT_ONCE):
            asked = select(_c.subscriber_id, _c.kind, _c.created_at).where(
                among(self._connection, _c.subscriber_id, ids[start : start + _AT_ONCE]), _c.created_at > since
            )
            for person, kind, at in self._connection.execute(asked):
                found[person, NoticeKind(kind)].append(at)
        return found

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

    def add_together(self, new: Sequence[NewNotice], now: datetime) -> list[Notice]:
        if not new:
            return []
        ids, at, watch = new_ids(self._connection, notices, len(new)), instant_text(now), instant_text(now + WATCH)
        insert_rows(
            self._connection,
            notices,
            [
                "id",
                "subscriber_id",
                "kind",
                "locale",
                "content",
                "correlation_id",
                "created_at",
                "next_attempt_at",
                "state",
            ],
            (
                (
                    *(id, one.subscriber, one.kind.value, one.locale, json.dumps(dict(one.content))),
                    *(one.correlation_id, at, watch, NoticeState.WAITING.value),
                )
                for id, one in zip(ids, new, strict=True)
            ),
        )
        return [
            Notice(
                id=id,
                subscriber=one.subscriber,
                kind=one.kind,
                locale=one.locale,
                content=one.content,
                state=NoticeState.WAITING,
                correlation_id=one.correlation_id,
                created_at=now,
                next_attempt_at=now + WATCH,
            )
            for id, one in zip(ids, new, strict=True)
        ]

    def claim_together(self, ids: Collection[int], now: datetime, lease: timedelta) -> list[Notice]:
        if not ids:
            return []
        # In the order of ids: two senders never wait for each other in a ring.
        held = select(_c.id).where(among(self._connection, _c.id, set(ids))).order_by(_c.id).with_for_update()
        rows = self._connection.execute(
            update(notices)
            .where(_c.id.in_(held), _may_be_claimed(now))
            .values(**_claimed(now, lease))
            .returning(*notices.columns)
        )
        return sorted((_notice(row) for row in rows), key=lambda notice: notice.id)

    def claim(self, notice_id: int, now: datetime, lease: timedelta) -> Notice | None:
        row = self._connection.execute(
            update(notices)
            .where(_c.id == notice_id, _may_be_claimed(now))
            .values(**_claimed(now, lease))
            .returning(*notices.columns)
        ).one_or_none()
        return _notice(row) if row else None

    def settle(self, claimed: Notice, verdict: NoticeVerdict, now: datetime) -> bool:
        change = (
            update(notices)
            .where(_c.id == claimed.id, _c.epoch == claimed.epoch, _c.state == NoticeState.IN_DOUBT.value)
            .values(**_told(verdict, now))
        )
        return self._connection.execute(change).rowcount == 1

    def settle_together(self, settled: Sequence[tuple[Notice, NoticeVerdict]], now: datetime) -> set[int]:
        alike: dict[NoticeVerdict, list[tuple[int, int]]] = defaultdict(list)
        for notice, verdict in settled:
            alike[verdict].append((notice.id, notice.epoch))
        done: set[int] = set()
        if not alike:
            return done
        # In the order of ids: two senders never wait for each other in a ring.
        held = self._connection.execute(
            select(_c.id, _c.epoch)
            .where(among(self._connection, _c.id, {notice.id for notice, _ in settled}))
            .where(_c.state == NoticeState.IN_DOUBT.value)
            .order_by(_c.id)
            .with_for_update()
        )
        ours = {(id, epoch) for id, epoch in held}
        for verdict, claims in alike.items():
            ids = [id for id, epoch in claims if (id, epoch) in ours]
            if ids:
                of_these = among(self._connection, _c.id, ids)
                self._connection.execute(update(notices).where(of_these).values(**_told(verdict, now)))
                done |= set(ids)
        return done

    def call_off(self, subscriber: int, kind: NoticeKind, why: str, now: datetime) -> int:
        waits = _c.state.in_((NoticeState.WAITING.value, NoticeState.RETRY.value))
        change = update(notices).where(_c.subscriber_id == subscriber, _c.kind == kind.value, waits)
        told = {"state": NoticeState.SUPPRESSED.value, "code": why, "next_attempt_at": None, "settled_at": now}
        return self._connection.execute(change.values(**told)).rowcount

    # -- what time does ---------------------------------------------------------------------------------------

    def wake(self, now: datetime, limit: int = 1000) -> list[Notice]:
        # Settled notices have no next attempt. Two schedulers take different rows, and each row once. Asked apart:
        # PostgreSQL may ask what stands in an IN again for each row, and then the locked ones are passed over.
        first = (
            select(_c.id)
            .where(_c.next_attempt_at <= now)
            .order_by(_c.next_attempt_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("first_ones")
        )
        rows = self._connection.execute(
            update(notices)
            .where(_c.id.in_(select(first.c.id)), _c.next_attempt_at <= now)
            .values(state=NoticeState.WAITING.value, epoch=_c.epoch + 1, next_attempt_at=now + WATCH)
            .returning(*notices.columns)
        )
        return sorted((_notice(row) for row in rows), key=lambda notice: notice.id)

    def forget_before(self, instant: datetime) -> int:
        return self._connection.execute(
            delete(notices).where(_c.created_at < instant, _c.settled_at < instant)
        ).rowcount


def _may_be_claimed(now: datetime) -> ColumnElement[bool]:
    waits = _c.state == NoticeState.WAITING.value
    due = and_(_c.state.in_((NoticeState.RETRY.value, NoticeState.IN_DOUBT.value)), _c.next_attempt_at <= now)
    return or_(waits, due)


def _claimed(now: datetime, lease: timedelta) -> dict[str, Any]:
    return {
        "state": NoticeState.IN_DOUBT.value,
        "epoch": _c.epoch + 1,
        "attempts": _c.attempts + 1,
        "handovers": _c.handovers + 1,
        "next_attempt_at": now + lease,
    }


def _told(verdict: NoticeVerdict, now: datetime) -> dict[str, Any]:
    return {
        "state": verdict.state.value,
        "code": verdict.code[:200],
        "attempts": verdict.attempts,
        "handovers": verdict.handovers,
        "next_attempt_at": verdict.next_attempt_at,
        "settled_at": now if verdict.state.settled else None,
    }


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
