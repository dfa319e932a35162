"""Who is due, on PostgreSQL: columns go from arrays of the database into arrays of numpy (arrays.py)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ColumnElement, Integer, Select, and_, any_, cast, false, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from tribune.domain.audience import Cadence
from tribune.ports.planning import Due, Profile, Wishes
from tribune.store.arrays import batches, column, rows_of
from tribune.store.due_people import DuePeople, not_stopped, people_with_marks, profile_of, same_rhythm, without
from tribune.store.tables import marks, mask_columns, rhythms, subscribers, subscriptions, suppressions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_AT_ONCE = 100_000
_FEW = 50
_SPARSE = 20
"""People are looked up one by one where fewer than one of so many in their range are asked about."""
_PLAN_SECONDS = 900
_FOR_PLANS = (
    # A plan for a million people takes longer than other statements may.
    f"SET LOCAL statement_timeout = '{_PLAN_SECONDS}s'",
    "SET LOCAL work_mem = '64MB'",
    # Tables that are read in the order of their keys and joined so need neither sort nor hash: half the time.
    "SET LOCAL enable_hashjoin = off",
)
_s = subscribers.c
_UNDATED = marks.c.last_date.is_(None)
_PROFILE = (_s.languages, _s.fallback, _s.zone, _s.domain_group)


class PostgresDuePeople(DuePeople):
    """One pass for who is due, grouped by profile; their wishes in slices."""

    def _read_due(self, digest: str, cadence: Cadence, wanted: Sequence[ColumnElement[bool]]) -> tuple[Due, Any]:
        self._set_up()
        query = people_with_marks().where(rhythms.c.digest == digest, rhythms.c.cadence == cadence.value, *wanted)
        due, new = self._grouped(query, rhythms.c.subscriber_id)
        of_people = select(func.array_agg(suppressions.c.subscriber_id))
        told = next(rows_of(self._connection, of_people.where(_in_runs(suppressions.c.subscriber_id, due.ids))))
        return without(due, column(told[0])), new

    def these(self, digest: str, cadence: Cadence, ids: Collection[int]) -> Due:
        import numpy as np

        self._set_up()
        of_rhythm = and_(marks.c.subscriber_id == _s.id, marks.c.digest == digest, marks.c.cadence == cadence.value)
        query = select().select_from(subscribers).join(marks, of_rhythm)
        return self._grouped(query.where(_in_runs(_s.id, np.unique(np.array(list(ids), np.int64)))), _s.id)[0]

    def subscribed(self, digest: str, ids: Ints) -> Due:
        """Where many of a range of people are asked about, all of the range are read: as runs of neighbours they would
        be hundreds of thousands, which the database looks up one by one."""
        import numpy as np

        self._set_up()
        r = rhythms.c
        query = select().select_from(rhythms).join(subscribers, _s.id == r.subscriber_id)
        query = query.where(r.digest == digest, r.stopped_at.is_(None), not_stopped(r.subscriber_id, digest))
        parts = []
        for part in batches(len(ids), _AT_ONCE):
            some = ids[part]
            if len(some) * _SPARSE < some[-1] - some[0]:
                asked = r.subscriber_id == any_(literal(some.tolist(), ARRAY(Integer)))
            else:
                # Of both: the database would read one of them from its first row on.
                asked = and_(*(id.between(int(some[0]), int(some[-1])) for id in (r.subscriber_id, _s.id)))
            parts.append(self._grouped(query.where(asked), r.subscriber_id, literal(0), false())[0])
        every = _one(parts)
        # Once each, whatever the cadences in which they have it.
        _, first = np.unique(every.ids, return_index=True)
        once = Due(every.ids[first], every.marks[first], every.profile[first], every.profiles)
        return without(once, np.setdiff1d(once.ids, ids, assume_unique=True))

    def among(self, due: Due, person: ColumnElement[int]) -> ColumnElement[bool]:
        return _in_runs(person, due.ids)

    def _set_up(self) -> None:
        for statement in _FOR_PLANS:
            self._connection.exec_driver_sql(statement)

    def _grouped(
        self,
        query: Select[Any],
        id: ColumnElement[int],
        mark: ColumnElement[int] = marks.c.mark,
        undated: ColumnElement[bool] = _UNDATED,
    ) -> tuple[Due, Any]:
        """The people of a query over subscribers and marks, and the ids of those whose mark has no date."""
        import numpy as np

        told = query.with_only_columns(
            *_PROFILE,
            func.array_agg(id),
            func.array_agg(mark),
            func.array_agg(id).filter(undated),
        ).group_by(*_PROFILE)
        profiles: list[Profile] = []
        ids, marked, profile, new = [], [], [], []
        for *facts, people, of_people, without_date in rows_of(self._connection, told):
            ids.append(column(people))
            marked.append(column(of_people))
            profile.append(np.full(len(ids[-1]), len(profiles), np.int64))
            new.append(column(without_date))
            profiles.append(profile_of(*(fact.decode() for fact in facts if fact is not None)))
        every = _joined(ids)
        order = np.argsort(every)
        due = Due(every[order], _joined(marked)[order], _joined(profile)[order], tuple(profiles))
        return due, _joined(new)

    def wishes(self, digest: str, cadence: Cadence, due: Due, *, with_marks: bool) -> Wishes:
        import numpy as np

        ranks = {known.value: known.rank for known in Cadence if known.rank <= cadence.rank}
        w = subscriptions.c
        query = select(
            w.cadence,
            func.array_agg(w.subscriber_id),
            func.array_agg(marks.c.mark) if with_marks else literal(None, ARRAY(Integer)),
            *(func.array_agg(w[name]) for name in mask_columns),
        ).where(w.digest == digest, w.cadence.in_(list(ranks)))
        if with_marks:
            query = query.join(marks, same_rhythm(marks, subscriptions))
        wishes = _Growing(3 + len(mask_columns), len(due.ids))
        for part in batches(len(due.ids), _AT_ONCE):
            ids = due.ids[part]
            for cadence_, people, their_marks, *words in rows_of(
                self._connection, query.where(_in_runs(w.subscriber_id, ids)).group_by(w.cadence)
            ):
                who = column(people)
                of_person = column(their_marks) if with_marks else np.zeros(len(who), np.int64)
                rank = np.full(len(who), ranks[(cadence_ or b"").decode()], np.int64)
                person = np.searchsorted(ids, who) + part.start
                wishes.add([person, rank, of_person, *(column(word) for word in words)])
        table = wishes.table
        return Wishes(person=table[0], rank=table[1], marks=table[2], words=table[3:])


class _Growing:
    """Columns of integers that grow. Memory that is asked for and never written costs nothing."""

    def __init__(self, width: int, expected: int) -> None:
        import numpy as np

        self._kept = np.empty((width, max(expected, 1)), np.int64)
        self._filled = 0

    def add(self, columns: Sequence[Ints]) -> None:
        import numpy as np

        end = self._filled + len(columns[0])
        if end > self._kept.shape[1]:
            grown = np.empty((len(self._kept), max(end, self._kept.shape[1] * 5 // 4)), np.int64)
            grown[:, : self._filled] = self._kept[:, : self._filled]
            self._kept = grown
        for kept, values in zip(self._kept, columns, strict=True):
            kept[self._filled : end] = values
        self._filled = end

    @property
    def table(self) -> Ints:
        return self._kept[:, : self._filled]


def _in_runs(person: ColumnElement[int], ids: Ints) -> ColumnElement[bool]:
    """These people, as runs of neighbouring numbers: a million may be one run, and one lookup in an index serves it.
    A few are named one by one: of runs the database does not know how long they are, and would read whole tables."""
    import numpy as np

    if not len(ids):
        return false()
    if len(ids) <= _FEW:
        return person == any_(literal(ids.tolist(), ARRAY(Integer)))
    breaks = np.flatnonzero(np.diff(ids) != 1)
    first, last = ids[np.append(0, breaks + 1)], ids[np.append(breaks, len(ids) - 1)]
    runs = (
        func.unnest(cast(first.tolist(), ARRAY(Integer)), cast(last.tolist(), ARRAY(Integer)))
        .table_valued(Column("first", Integer), Column("last", Integer), name="runs")
        .render_derived()
    )
    return person.between(runs.c.first, runs.c.last)


def _one(parts: Sequence[Due]) -> Due:
    """Several as one; each profile once."""
    import numpy as np

    number: dict[Profile, int] = {}
    places = [np.array([number.setdefault(one, len(number)) for one in part.profiles], np.int64) for part in parts]
    return Due(
        _joined([part.ids for part in parts]),
        _joined([part.marks for part in parts]),
        _joined([place[part.profile] for place, part in zip(places, parts, strict=True)]),
        tuple(number),
    )


def _joined(parts: Sequence[Ints]) -> Ints:
    import numpy as np

    return np.concatenate(parts) if parts else np.empty(0, np.int64)
