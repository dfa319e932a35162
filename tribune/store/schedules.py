"""Schedules in SQL. Implements tribune.ports.schedules.Schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy import delete as delete_from

from tribune.domain import zones
from tribune.domain.audience import Cadence, Status
from tribune.domain.schedule import Timing, cohort_weekday, due_on, latest_by, next_after
from tribune.ports.schedules import NEVER, Scheduled, Upcoming
from tribune.store.postgres import take_lock
from tribune.store.tables import rhythms, schedules, subscribers

_COLUMNS = (
    schedules.c.id,
    schedules.c.digest,
    schedules.c.cadence,
    schedules.c.weekday,
    schedules.c.hour,
    schedules.c.zone,
    schedules.c.next_due_at,
    schedules.c.occasion,
    schedules.c.last_occasion,
)
_IS_AT_ONCE = schedules.c.cadence == Cadence.AT_ONCE.value


class SqlSchedules:
    """Rows of the table `schedules`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure_cohorts(self, digest: str, timings: Collection[Timing], now: datetime) -> int:
        wanted = {(t.cadence, cohort_weekday(t.cadence, t.weekday), t.hour, t.zone): t for t in timings}
        if len(wanted) == 1:
            ((cadence, weekday, hour, zone),) = wanted
            where = (
                schedules.c.cadence == cadence.value,
                schedules.c.weekday == weekday,
                schedules.c.hour == hour,
                schedules.c.zone == zone,
            )
            known = self._keys(digest, *where)
        else:
            known = self._keys(digest)
        new = [(key, timing) for key, timing in wanted.items() if key not in known]
        if new:
            # Not beside a claim: what is new is set behind what has fired. And others may have been first meanwhile.
            self._lock()
            known = self._keys(digest)
            new = [(key, timing) for key, timing in new if key not in known]
        if new:
            rows = [_new_row(digest, key[1], timing, now) for key, timing in new]
            self._set_behind_what_fired(digest, rows)
            self._connection.execute(insert(schedules), rows)
        return len(new)

    def _lock(self) -> None:
        if self._connection.dialect.name == "postgresql":
            take_lock(self._connection, "schedules")

    def _set_behind_what_fired(self, digest: str, rows: list[dict[str, Any]]) -> None:
        fired: dict[tuple[str, str], Counter[datetime | None]] = {}
        for row in rows:
            key = row["cadence"], row["occasion"]
            if key not in fired:
                day = date.fromisoformat(row["occasion"])
                query = select(schedules.c.hour, schedules.c.zone).where(
                    schedules.c.digest == digest,
                    schedules.c.cadence == row["cadence"],
                    schedules.c.last_occasion == row["occasion"],
                )
                fired[key] = Counter(
                    due_on(day, hour, zones.zone(zone)) for hour, zone in self._connection.execute(query)
                )
            row["next_due_at"] += timedelta(microseconds=fired[key][row["next_due_at"]])

    def _keys(self, digest: str, *where: ColumnElement[bool]) -> set[tuple[Cadence, int, int, str]]:
        columns = schedules.c.cadence, schedules.c.weekday, schedules.c.hour, schedules.c.zone
        found = self._connection.execute(select(*columns).where(schedules.c.digest == digest, *where))
        return {(Cadence(cadence), weekday, hour, zone) for cadence, weekday, hour, zone in found}

    def anything_to_do(self, now: datetime, tzdata: str) -> bool:
        query = select(or_(exists().where(schedules.c.next_due_at <= now), exists().where(_reckoned_otherwise(tzdata))))
        return bool(self._connection.scalar(query))

    def due(self, now: datetime) -> list[Scheduled]:
        # Not SKIP LOCKED: rows of one edition must be claimed together. A second scheduler waits, and then finds
        # that nothing is due any more. (SQLite has no row locks: the write lock does the same.)
        self._lock()
        query = _rows().where(schedules.c.next_due_at <= now).order_by(schedules.c.next_due_at, schedules.c.id)
        return self._all(query.with_for_update())

    def reckoned_otherwise(self, tzdata: str) -> list[Scheduled]:
        self._lock()
        return self._all(_rows().where(_reckoned_otherwise(tzdata)).order_by(schedules.c.id).with_for_update())

    def move(self, rows: Sequence[Scheduled], tzdata: str) -> None:
        if not rows:
            return
        statement = (
            update(schedules)
            .where(schedules.c.id == bindparam("row"))
            .values(
                next_due_at=bindparam("due_at"),
                occasion=bindparam("for_occasion"),
                last_occasion=bindparam("settled"),
                tzdata=tzdata,
            )
        )
        self._connection.execute(
            statement,
            [{"row": r.id, "due_at": r.due_at, "for_occasion": r.occasion, "settled": r.last_occasion} for r in rows],
        )

    def at_once(self, digest: str) -> Scheduled | None:
        query = _rows().where(schedules.c.digest == digest, _IS_AT_ONCE).with_for_update()
        found = self._all(query)
        if not found:  # there is no row to lock yet
            self._lock()
            found = self._all(query)
        return found[0] if found else None

    def open_at_once(self, digest: str, due_at: datetime) -> None:
        waits: dict[str, Any] = {"next_due_at": due_at, "occasion": due_at.isoformat()}
        moved = self._connection.execute(
            update(schedules).where(schedules.c.digest == digest, _IS_AT_ONCE).values(**waits)
        )
        if not moved.rowcount:
            self._connection.execute(
                insert(schedules).values(
                    digest=digest,
                    cadence=Cadence.AT_ONCE.value,
                    weekday=0,
                    hour=0,
                    zone="UTC",
                    last_occasion="",
                    tzdata=zones.version(),
                    **waits,
                )
            )

    def anyone_at_once(self, digest: str) -> bool:
        query = select(exists().where(rhythms.c.digest == digest, rhythms.c.cadence == Cadence.AT_ONCE.value))
        return bool(self._connection.scalar(query))

    def next_due_at(self) -> datetime | None:
        found = self._connection.scalar(select(func.min(schedules.c.next_due_at)))
        return None if found is None or found == NEVER else found

    def upcoming(self, limit: int, *, digest: str | None = None) -> list[Upcoming]:
        query = _rows().where(schedules.c.next_due_at < NEVER)
        if digest is not None:
            query = query.where(schedules.c.digest == digest)
        people = self._people()
        counted = (
            Upcoming(row, people.get(_cohort_of(row.digest, row.cadence, row.weekday, row.hour, row.zone), 0))
            for row in self._all(query.order_by(schedules.c.next_due_at, schedules.c.id))
        )
        return list(islice((found for found in counted if found.people), limit))

    def _people(self) -> Counter[tuple[str | int, ...]]:
        """Active people by cohort: everybody, as the index has them, less those few who wait or have stopped. To look
        at each person's standing would be a pass through two tables."""
        r, s = rhythms.c, subscribers.c
        cohort = r.digest, r.cadence, r.zone, r.hour, r.weekday  # in the order of the index
        everybody = select(*cohort, func.count()).group_by(*cohort)
        # The few who have stopped, by their own index: SQLite would group by walking everybody's.
        apart = r.digest.concat(literal_column("''")), *cohort[1:]
        stopped = select(*apart, func.count()).where(r.stopped_at.is_not(None)).group_by(*apart)
        waiting = (
            select(*cohort, func.count())
            .join(subscribers, s.id == r.subscriber_id)
            .where(s.status.in_([status.value for status in Status if status is not Status.ACTIVE]))
            .where(r.stopped_at.is_(None))
            .group_by(*cohort)
        )
        people: Counter[tuple[str | int, ...]] = Counter()
        for query, sign in ((everybody, 1), (stopped, -1), (waiting, -1)):
            for digest, cadence, zone, hour, weekday, count in self._connection.execute(query):
                people[_cohort_of(digest, Cadence(cadence), weekday, hour, zone)] += sign * count
        return people

    def forget_deserted(self) -> int:
        same_hour = (
            rhythms.c.digest == schedules.c.digest,
            rhythms.c.cadence == schedules.c.cadence,
            rhythms.c.zone == schedules.c.zone,
            rhythms.c.hour == schedules.c.hour,
        )
        somebody_daily = exists(select(rhythms.c.subscriber_id).where(*same_hour).correlate(schedules))
        somebody = exists(
            select(rhythms.c.subscriber_id)
            .where(*same_hour, rhythms.c.weekday == schedules.c.weekday)
            .correlate(schedules)
        )
        daily = schedules.c.cadence == Cadence.DAILY.value
        self._lock()
        gone = self._connection.execute(delete_from(schedules).where(daily, ~somebody_daily)).rowcount
        return gone + self._connection.execute(delete_from(schedules).where(~daily, ~_IS_AT_ONCE, ~somebody)).rowcount

    def _all(self, query: Select[Any]) -> list[Scheduled]:
        return [_scheduled(row) for row in self._connection.execute(query)]


def _cohort_of(digest: str, cadence: Cadence, weekday: int, hour: int, zone: str) -> tuple[str | int, ...]:
    """The row that serves a rhythm: at once is one row for everybody, whatever hour and zone the rhythm names."""
    if cadence is Cadence.AT_ONCE:
        return digest, cadence.value, 0, 0, ""
    return digest, cadence.value, cohort_weekday(cadence, weekday), hour, zone


def _rows() -> Select[Any]:
    return select(*_COLUMNS)


def _reckoned_otherwise(tzdata: str) -> ColumnElement[bool]:
    # Not `!=`, which no index answers: this is asked at each tick.
    return and_(or_(schedules.c.tzdata < tzdata, schedules.c.tzdata > tzdata), ~_IS_AT_ONCE)


def _scheduled(row: Any) -> Scheduled:
    return Scheduled(
        id=row.id,
        digest=row.digest,
        cadence=Cadence(row.cadence),
        weekday=row.weekday,
        hour=row.hour,
        zone=row.zone,
        due_at=row.next_due_at,
        occasion=row.occasion,
        last_occasion=row.last_occasion,
    )


def _new_row(digest: str, weekday: int, timing: Timing, now: datetime) -> dict[str, Any]:
    # What passed before the row was made is settled: so the row always waits for the first occasion after the last one.
    settled = latest_by(timing, now).occasion
    waits = next_after(timing, settled)
    return {
        "digest": digest,
        "cadence": timing.cadence.value,
        "weekday": weekday,
        "hour": timing.hour,
        "zone": timing.zone,
        "next_due_at": waits.due_at,
        "occasion": waits.occasion.isoformat(),
        "last_occasion": settled.isoformat(),
        "tzdata": zones.version(),
    }
