"""Who is due. Their ids stand in a temporary table while a plan is made, so that each query about them is set work."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, Any

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
from tribune.store.tables import (
    editions,
    mailings,
    marks,
    mask_columns,
    rhythms,
    subscribers,
    subscriptions,
    suppressions,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_READ_AT_ONCE = 20_000

held = Table("planning_held", MetaData(), Column("id", Integer, primary_key=True))
"""The temporary table: the ids of those whom a plan is about."""


class DuePeople:
    """The part of SqlPlanning that is about people. As it stands for SQLite; due_people_pg.py has PostgreSQL's way."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._holding: Due | None = None

    def due(
        self,
        digest: str,
        cadence: Cadence,
        cohorts: Sequence[Cohort],
        local_date: date | None,
        *,
        dated: bool = False,
        newcomers: Collection[int] = (),
    ) -> Due:
        due, new = self._read_due(digest, cadence, _wanted(cohorts, local_date, newcomers if dated else None))
        if local_date is not None and len(new):
            due = self._without_served(due, new, digest, cadence, local_date.isoformat())
        return due

    def these(self, digest: str, cadence: Cadence, ids: Collection[int]) -> Due:
        self._hold_ids(sorted(set(ids)))
        return self._fewer(self._read_held(digest, cadence)[0])

    def _read_due(self, digest: str, cadence: Cadence, wanted: Sequence[ColumnElement[bool]]) -> tuple[Due, Any]:
        """Who is wanted, and the ids of those among them whose mark has no date yet."""
        self._empty()
        rows = people_with_marks().where(
            rhythms.c.digest == digest,
            rhythms.c.cadence == cadence.value,
            ~exists().where(suppressions.c.subscriber_id == rhythms.c.subscriber_id),
            *wanted,
        )
        self._connection.execute(insert(held).from_select([held.c.id], rows.with_only_columns(rhythms.c.subscriber_id)))
        return self._read_held(digest, cadence)

    def subscribed(self, digest: str, ids: Ints) -> Due:
        self._hold_ids(ids.tolist())
        query = _held_people(literal(0), literal(0)).where(has_digest(held.c.id, digest))
        return self._fewer(self._read_people(query)[0])

    def _fewer(self, due: Due) -> Due:
        """Of those who are held some may be no part of it: whoever asks further about these holds them anew."""
        self._holding = None
        return due

    def _read_held(self, digest: str, cadence: Cadence) -> tuple[Due, Any]:
        of_rhythm = and_(marks.c.subscriber_id == held.c.id, marks.c.digest == digest, marks.c.cadence == cadence.value)
        return self._read_people(_held_people(marks.c.mark, marks.c.last_date.is_(None)).join(marks, of_rhythm))

    def _read_people(self, query: Select[Any]) -> tuple[Due, Any]:
        """People with a mark, whether it has no date, and their profile; with the ids of those without a date."""
        import numpy as np

        number: dict[Any, int] = {}
        parts = []
        for rows in self._partitions(query.order_by(held.c.id)):
            known = [(row[0], row[1], row[2], number.setdefault(row[3:], len(number))) for row in rows]
            parts.append(np.array(known, np.int64))
        table = np.concatenate(parts) if parts else np.empty((0, 4), np.int64)
        profiles = tuple(profile_of(*told) for told in number)
        ids, marked, new, profile = (np.ascontiguousarray(table[:, column]) for column in range(4))
        due = self._holding = Due(ids, marked, profile, profiles)
        return due, ids[new != 0]

    def _without_served(self, due: Due, new: Any, digest: str, cadence: Cadence, occasion: str) -> Due:
        """A mark without a date may be a new one of somebody whom an earlier mailing of this very edition has served:
        who gave the digest up and took it again."""
        import numpy as np

        earlier = self._connection.scalars(
            select(mailings.c.id)
            .join(editions, editions.c.id == mailings.c.edition_id)
            .where(editions.c.digest == digest, editions.c.cadence == cadence.value, editions.c.occasion == occasion)
        ).all()
        asked = new.tolist() if earlier else []
        served = {person for mailing in earlier for person in places_of(self._connection, mailing, asked)}
        if not served:
            return due
        return without(due, np.array(sorted(served), np.int64))

    def wishes(self, digest: str, cadence: Cadence, due: Due, *, with_marks: bool) -> Wishes:
        import numpy as np

        self._hold(due)
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
            query = query.join(marks, same_rhythm(marks, subscriptions))
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

    def among(self, due: Due, person: ColumnElement[int]) -> ColumnElement[bool]:
        """The condition that a column names one of these people."""
        self._hold(due)
        return person.in_(select(held.c.id))

    def _hold(self, due: Due) -> None:
        if self._holding is not due:
            self._hold_ids(due.ids.tolist())
            self._holding = due

    def _hold_ids(self, ids: Sequence[int]) -> None:
        self._empty()
        insert_rows(self._connection, held, ["id"], ((id,) for id in ids))

    def _empty(self) -> None:
        self._connection.exec_driver_sql("CREATE TEMPORARY TABLE IF NOT EXISTS planning_held (id INTEGER PRIMARY KEY)")
        self._connection.execute(delete(held))
        self._holding = None


def _held_people(*more: ColumnElement[Any]) -> Select[Any]:
    """Those who are held: number, `more`, profile."""
    s = subscribers.c
    query = select(held.c.id, *more, s.languages, s.fallback, s.zone, s.domain_group)
    return query.select_from(held).join(subscribers, s.id == held.c.id)


def has_digest(person: ColumnElement[int], digest: str) -> ColumnElement[bool]:
    """The condition that somebody has a digest, and has not stopped it."""
    r = rhythms.c
    return and_(exists().where(r.subscriber_id == person, r.digest == digest), not_stopped(person, digest))


def not_stopped(person: ColumnElement[int], digest: str) -> ColumnElement[bool]:
    """The condition that somebody has not stopped a digest."""
    r = rhythms.alias().c
    return ~exists().where(r.subscriber_id == person, r.digest == digest, r.stopped_at.is_not(None))


def people_with_marks() -> Select[Any]:
    """Active people whose rhythm goes on: rhythms, subscribers and marks joined."""
    return (
        select()
        .select_from(rhythms)
        .join(subscribers, subscribers.c.id == rhythms.c.subscriber_id)
        .join(marks, same_rhythm(marks, rhythms))
        .where(
            rhythms.c.stopped_at.is_(None),
            subscribers.c.status == "active",
        )
    )


def _wanted(
    cohorts: Sequence[Cohort], local_date: date | None, newcomers: Collection[int] | None
) -> list[ColumnElement[bool]]:
    """Of those who have never been served, these newcomers; None: all."""
    if local_date is None:
        return []
    new: ColumnElement[bool] = marks.c.last_date.is_(None)
    if newcomers is not None:
        new = and_(new, marks.c.subscriber_id.in_(sorted(newcomers)))
    return [
        tuple_(rhythms.c.zone, rhythms.c.hour, rhythms.c.weekday).in_(
            [(cohort.zone, cohort.hour, cohort.weekday) for cohort in cohorts]
        ),
        or_(new, marks.c.last_date < local_date),
    ]


def same_rhythm(one: Table, other: Table) -> ColumnElement[bool]:
    """Both are about the same (subscriber, digest, cadence)."""
    return and_(
        one.c.subscriber_id == other.c.subscriber_id, one.c.digest == other.c.digest, one.c.cadence == other.c.cadence
    )


def without(due: Due, ids: Any) -> Due:
    """The same people less those with these ids (an array)."""
    import numpy as np

    left = ~np.isin(due.ids, ids)
    return due if left.all() else Due(due.ids[left], due.marks[left], due.profile[left], due.profiles)


def profile_of(languages: str, fallback: str, zone: str, group: str) -> Profile:
    """The profile that stands in columns of `subscribers`."""
    return Profile(tuple(languages.split(",")), Fallback(fallback), zone, group)
