"""Who is due, held in a temporary table while a plan is made, so that each query about them is set work."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    tuple_,
)

from tribune.domain.audience import Cadence, Fallback
from tribune.domain.events import Cohort
from tribune.ports.planning import Due, Profile, Wishes
from tribune.store.bulk import insert_rows
from tribune.store.delivery_blocks import places_of
from tribune.store.tables import editions, mailings, marks, mask_columns, rhythms, subscribers, subscriptions, suppressions

_READ_AT_ONCE = 20_000
_IDS_AT_ONCE = 500

held = Table("planning_held", MetaData(), Column("id", Integer, primary_key=True))
"""The temporary table: the ids of those whom a plan is about."""


class DuePeople:
    """The part of SqlPlanning that is about people. As it stands for SQLite; due_people_pg.py has PostgreSQL's way."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._holding: Due | None = None

    def due(self, digest: str, cadence: Cadence, cohorts: Sequence[Cohort], local_date: date | None) -> Due:
        wanted = (
            select(rhythms.c.subscriber_id)
            .join(subscribers, subscribers.c.id == rhythms.c.subscriber_id)
            .join(marks, _same_rhythm(marks, rhythms))
            .where(
                rhythms.c.digest == digest,
                rhythms.c.cadence == cadence.value,
                rhythms.c.stopped_at.is_(None),
                subscribers.c.status == "active",
                ~exists().where(suppressions.c.subscriber_id == rhythms.c.subscriber_id),
            )
        )
        if local_date is not None:
            wanted = wanted.where(
                tuple_(rhythms.c.zone, rhythms.c.hour, rhythms.c.weekday).in_(
                    [(cohort.zone, cohort.hour, cohort.weekday) for cohort in cohorts]
                ),
                or_(marks.c.last_date.is_(None), marks.c.last_date < local_date),
            )
        self._empty()
        self._fill(wanted)
        if local_date is not None:
            self._leave_out_served(digest, cadence, local_date.isoformat())
        return self._read_due(digest, cadence)

    def _leave_out_served(self, digest: str, cadence: Cadence, occasion: str) -> None:
        """A mark without a date may be a new one of somebody whom an earlier mailing of this very edition has served:
        who gave the digest up and took it again."""
        earlier = self._connection.scalars(
            select(mailings.c.id)
            .join(editions, editions.c.id == mailings.c.edition_id)
            .where(editions.c.digest == digest, editions.c.cadence == cadence.value, editions.c.occasion == occasion)
        ).all()
        if not earlier:
            return
        new = self._connection.scalars(
            select(held.c.id)
            .join(marks, marks.c.subscriber_id == held.c.id)
            .where(marks.c.digest == digest, marks.c.cadence == cadence.value, marks.c.last_date.is_(None))
        ).all()
        served = sorted({person for mailing in earlier for person in places_of(self._connection, mailing, new)})
        for start in range(0, len(served), _IDS_AT_ONCE):
            self._connection.execute(delete(held).where(held.c.id.in_(served[start : start + _IDS_AT_ONCE])))

    def _fill(self, wanted: Select[Any]) -> None:
        self._connection.execute(insert(held).from_select([held.c.id], wanted))

    def these(self, digest: str, cadence: Cadence, ids: Collection[int]) -> Due:
        self._hold_ids(ids)
        return self._read_due(digest, cadence)

    def _read_due(self, digest: str, cadence: Cadence) -> Due:
        import numpy as np

        query = (
            select(
                held.c.id,
                marks.c.mark,
                subscribers.c.languages,
                subscribers.c.fallback,
                subscribers.c.zone,
                subscribers.c.domain_group,
            )
            .select_from(held)
            .join(subscribers, subscribers.c.id == held.c.id)
            .join(
                marks,
                and_(marks.c.subscriber_id == held.c.id, marks.c.digest == digest, marks.c.cadence == cadence.value),
            )
            .order_by(held.c.id)
        )
        number: dict[Any, int] = {}
        parts = []
        for rows in self._partitions(query):
            known = [(row[0], row[1], number.setdefault(row[2:], len(number))) for row in rows]
            parts.append(np.array(known, np.int64))
        table = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
        profiles = tuple(
            Profile(tuple(languages.split(",")), Fallback(fallback), zone, group)
            for languages, fallback, zone, group in number
        )
        ids, marked, profile = (np.ascontiguousarray(table[:, column]) for column in range(3))
        due = self._holding = Due(ids, marked, profile, profiles)
        return due

    def wishes(self, digest: str, cadence: Cadence, due: Due, *, with_marks: bool) -> Wishes:
        import numpy as np

        self.hold(due)
        ranks = {known.value: known.rank for known in Cadence if known.rank <= cadence.rank}
        query = select(
            subscriptions.c.subscriber_id,
            case(ranks, value=subscriptions.c.cadence),
            marks.c.mark if with_marks else literal(0),
            *(subscriptions.c[name] for name in mask_columns),
        ).where(
            subscriptions.c.subscriber_id.in_(select(held.c.id)),
            subscriptions.c.digest == digest,
            subscriptions.c.cadence.in_(list(ranks)),
        )
        if with_marks:
            query = query.join(marks, _same_rhythm(marks, subscriptions))
        width = 3 + len(mask_columns)
        parts = [
            np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * width).reshape(-1, width)
            for rows in self._partitions(query)
        ]
        table = np.concatenate(parts) if parts else np.empty((0, width), np.int64)
        return Wishes(
            person=np.searchsorted(due.ids, table[:, 0]).astype(np.int64),
            rank=np.ascontiguousarray(table[:, 1]),
            marks=np.ascontiguousarray(table[:, 2]),
            words=np.ascontiguousarray(table[:, 3:].T),
        )

    def _partitions(self, query: Select[Any]) -> Iterator[Sequence[Any]]:
        # The driver's own rows: SQLAlchemy's would cost as much again, and there is nothing to convert in them.
        result = self._connection.execute(query)
        while rows := result.cursor.fetchmany(_READ_AT_ONCE):
            yield rows
        result.close()

    def hold(self, due: Due) -> None:
        if self._holding is not due:
            self._hold_ids(due.ids.tolist())
            self._holding = due

    def _hold_ids(self, ids: Collection[int]) -> None:
        self._empty()
        insert_rows(self._connection, held, ["id"], ((id,) for id in sorted(set(ids))))

    def _empty(self) -> None:
        self._connection.exec_driver_sql("CREATE TEMPORARY TABLE IF NOT EXISTS planning_held (id INTEGER PRIMARY KEY)")
        self._connection.execute(delete(held))
        self._holding = None


def _same_rhythm(one: Table, other: Table) -> ColumnElement[bool]:
    return and_(
        one.c.subscriber_id == other.c.subscriber_id, one.c.digest == other.c.digest, one.c.cadence == other.c.cadence
    )
