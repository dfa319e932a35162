"""Who is due, on PostgreSQL: columns go from arrays of the database into arrays of numpy (arrays.py)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, insert, select, text

from tribune.domain.audience import Cadence, Fallback
from tribune.ports.planning import Due, Profile, Wishes
from tribune.store.arrays import columns_of, ranges
from tribune.store.bulk import insert_rows
from tribune.store.due_people import DuePeople, held
from tribune.store.tables import mask_columns, subscribers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_AT_ONCE = 20_000
_MANY = 1_000
_PLAN_SECONDS = 900
_PROFILE = "concat_ws('|', s.languages, s.fallback, s.zone, s.domain_group)"
_DUE = (
    "SELECT array_agg(id), array_agg(mark), array_agg(one), array_agg(other) FROM ("
    f" SELECT h.id, m.mark, hashtextextended({_PROFILE}, 0) AS one, hashtextextended({_PROFILE}, 1) AS other"
    " FROM planning_held h JOIN subscribers s ON s.id = h.id"
    " JOIN marks m ON m.subscriber_id = h.id AND m.digest = %(digest)s AND m.cadence = %(cadence)s"
    " WHERE h.id >= %(start)s AND h.id < %(end)s AND s.id >= %(start)s AND s.id < %(end)s"
    " AND m.subscriber_id >= %(start)s AND m.subscriber_id < %(end)s ORDER BY h.id) AS told"  # noqa: S608 - our own names
)
_WISHES = (
    "SELECT array_agg(s.subscriber_id), array_agg(array_position(%(cadences)s, CAST(s.cadence AS text))),"
    f" array_agg({{mark}}), {', '.join(f'array_agg(s.{name})' for name in mask_columns)}"
    " FROM subscriptions s JOIN planning_held h ON h.id = s.subscriber_id{join}"
    " WHERE s.subscriber_id >= %(start)s AND s.subscriber_id < %(end)s AND h.id >= %(start)s AND h.id < %(end)s"
    " AND s.digest = %(digest)s AND s.cadence = ANY(%(cadences)s)"  # noqa: S608 - our own names
)
_WITH_MARKS = (
    " JOIN marks m ON m.subscriber_id = s.subscriber_id AND m.digest = s.digest AND m.cadence = s.cadence"
    " AND m.subscriber_id >= %(start)s AND m.subscriber_id < %(end)s"
)
_SPAN = text("SELECT min(id), max(id), count(*) FROM planning_held")


class PostgresDuePeople(DuePeople):
    """Reads ids in ranges, so that neither side holds more than a range beside what it keeps."""

    def _empty(self) -> None:
        # Emptied at each commit: whoever has the connection next finds nothing of ours.
        self._connection.exec_driver_sql(
            "CREATE TEMPORARY TABLE IF NOT EXISTS planning_held (id integer PRIMARY KEY) ON COMMIT DELETE ROWS"
        )
        self._connection.exec_driver_sql("TRUNCATE planning_held")
        self._holding = None

    def _fill(self, wanted: Select[Any]) -> None:
        # A plan for a million people takes longer than other statements may.
        self._connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_PLAN_SECONDS}s'")
        self._connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
        self._learn(self._connection.execute(insert(held).from_select([held.c.id], wanted)).rowcount)

    def _hold_ids(self, ids: Collection[int]) -> None:
        self._empty()
        insert_rows(self._connection, held, ["id"], ((id,) for id in sorted(set(ids))))
        self._learn(len(ids))

    def _learn(self, number: int) -> None:
        if number >= _MANY:  # the database takes a table that it has not looked at for a small one
            self._connection.exec_driver_sql("ANALYZE planning_held")

    def _read_due(self, digest: str, cadence: Cadence) -> Due:
        import numpy as np

        first, last, number = self._connection.execute(_SPAN).one()
        told = np.empty((4, number), np.int64)
        found = 0
        for start, end in ranges(first, last, number, _AT_ONCE) if number else ():
            values = {"digest": digest, "cadence": cadence.value, "start": start, "end": end}
            columns = columns_of(self._connection, _DUE, values)
            for row, column in zip(told, columns, strict=True):
                row[found : found + len(column)] = column
            found += len(columns[0])
        ids, marks, one, other = told[:, :found]
        profiles, profile = self._profiles(ids, one, other)
        due = self._holding = Due(ids, marks, profile, profiles)
        return due

    def _profiles(self, ids: Ints, one: Ints, other: Ints) -> tuple[tuple[Profile, ...], Ints]:
        """The different profiles, and each person's place among them. Of those with the same hash one is looked up."""
        import numpy as np

        _, example, profile = np.unique(one, return_index=True, return_inverse=True)
        if (other[example][profile] != other).any():  # two profiles have the same hash: tell them apart by both
            both = np.stack([one, other], axis=1)
            _, example, profile = np.unique(both, axis=0, return_index=True, return_inverse=True)
        wanted = ids[example].tolist()
        s = subscribers.c
        known: dict[int, Profile] = {}
        for start in range(0, len(wanted), _MANY):
            rows = self._connection.execute(
                select(s.id, s.languages, s.fallback, s.zone, s.domain_group).where(
                    s.id.in_(wanted[start : start + _MANY])
                )
            )
            for id, languages, fallback, zone, group in rows:
                known[id] = Profile(tuple(languages.split(",")), Fallback(fallback), zone, group)
        return tuple(known[id] for id in wanted), profile.reshape(-1).astype(np.int64)

    def wishes(self, digest: str, cadence: Cadence, due: Due, *, with_marks: bool) -> Wishes:
        import numpy as np

        self.hold(due)
        quicker = sorted((known for known in Cadence if known.rank <= cadence.rank), key=lambda known: known.rank)
        statement = _WISHES.format(mark="m.mark" if with_marks else "0", join=_WITH_MARKS if with_marks else "")
        width = 3 + len(mask_columns)
        table = np.empty((width, 0), np.int64)
        found = 0
        span = ranges(int(due.ids[0]), int(due.ids[-1]), len(due.ids), _AT_ONCE) if len(due.ids) else ()
        for start, end in span:
            values = {"digest": digest, "cadences": [known.value for known in quicker], "start": start, "end": end}
            columns = columns_of(self._connection, statement, values)
            more = len(columns[0])
            if found + more > table.shape[1]:
                # Memory that is asked for and never written costs nothing.
                grown = np.empty((width, max(2 * table.shape[1], 2 * len(due.ids), found + more)), np.int64)
                grown[:, :found] = table[:, :found]
                table = grown
            for row, column in zip(table, columns, strict=True):
                row[found : found + more] = column
            found += more
        ranks = np.array([0, *(known.rank for known in quicker)], np.int64)
        return Wishes(
            person=np.searchsorted(due.ids, table[0, :found]).astype(np.int64),
            rank=ranks[table[1, :found]],
            marks=table[2, :found],
            words=table[3:, :found],
        )
