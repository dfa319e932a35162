"""Queries of sessions and attempts to sign in. Implements tribune.ports.staff_sessions.StaffSessions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.sign_in_delays import Attempts, Patience, counted
from tribune.domain.staff_members import Session, Way
from tribune.store.tables import sign_in_attempts, staff_sessions

_c = staff_sessions.c
_a = sign_in_attempts.c
ATTEMPTS_KEPT = timedelta(days=1)
"""Longer than any patience remembers."""


class SqlStaffSessions:
    """Named queries over sessions and attempts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- sessions ---------------------------------------------------------------------------------------------

    def add(
        self, token_hash: str, staff: int, way: Way, now: datetime, expires_at: datetime, agent: str, network: str
    ) -> Session:
        row = self._connection.execute(
            insert(staff_sessions)
            .values(
                token_hash=token_hash,
                staff_id=staff,
                way=way.value,
                created_at=now,
                seen_at=now,
                expires_at=expires_at,
                agent=agent,
                network=network,
            )
            .returning(*staff_sessions.columns)
        ).one()
        return _session(row)

    def by_hash(self, token_hash: str) -> Session | None:
        row = self._connection.execute(select(staff_sessions).where(_c.token_hash == token_hash)).one_or_none()
        return _session(row) if row else None

    def of(self, staff: int) -> list[Session]:
        asked = select(staff_sessions).where(_c.staff_id == staff).order_by(_c.seen_at.desc(), _c.id.desc())
        return [_session(row) for row in self._connection.execute(asked)]

    def seen(self, session: int, now: datetime) -> None:
        # One that has ended meanwhile is not there to be woken.
        self._connection.execute(update(staff_sessions).where(_c.id == session).values(seen_at=now))

    def end(self, session: int, staff: int) -> bool:
        ended = delete(staff_sessions).where(_c.id == session, _c.staff_id == staff)
        return self._connection.execute(ended).rowcount == 1

    def end_all(self, staff: int, but: int | None = None) -> int:
        ended = delete(staff_sessions).where(_c.staff_id == staff)
        if but is not None:
            ended = ended.where(_c.id != but)
        return self._connection.execute(ended).rowcount

    def forget_before(self, now: datetime) -> int:
        old = delete(staff_sessions).where(_c.expires_at <= now)
        uncounted = delete(sign_in_attempts).where(_a.last_at < now - ATTEMPTS_KEPT)
        return self._connection.execute(old).rowcount + self._connection.execute(uncounted).rowcount

    # -- attempts ---------------------------------------------------------------------------------------------

    def take_attempt(self, counted_by: str, patience: Patience, now: datetime) -> datetime | None:
        into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(sign_in_attempts)
        # The row is there, and ours until the end: whoever counts next waits.
        first = into.values(counted_by=counted_by, count=0, last_at=now, next_at=now).on_conflict_do_nothing()
        self._connection.execute(first)
        asked = select(_a.count, _a.last_at, _a.next_at).where(_a.counted_by == counted_by).with_for_update()
        before = Attempts(*self._connection.execute(asked).one())
        if before.next_at > now:
            return before.next_at
        after = counted(before, patience, now)
        self._connection.execute(
            update(sign_in_attempts)
            .where(_a.counted_by == counted_by)
            .values(count=after.count, last_at=after.last_at, next_at=after.next_at)
        )
        return None

    def attempts(self, counted_by: str) -> Attempts | None:
        asked = select(_a.count, _a.last_at, _a.next_at).where(_a.counted_by == counted_by)
        row = self._connection.execute(asked).one_or_none()
        return Attempts(*row) if row else None

    def give_back_attempt(self, counted_by: str) -> None:
        given = update(sign_in_attempts).where(_a.counted_by == counted_by, _a.count > 0)
        self._connection.execute(given.values(count=_a.count - 1, next_at=_a.last_at))

    def clear_attempts(self, counted_by: str) -> None:
        self._connection.execute(delete(sign_in_attempts).where(_a.counted_by == counted_by))


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        staff=row.staff_id,
        way=Way(row.way),
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        agent=row.agent,
        network=row.network,
    )
