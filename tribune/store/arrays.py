"""Many rows between PostgreSQL and numpy, without an object for each value.

Out: `array_agg` makes an array of each column, whose binary form numpy reads as it stands. In: COPY takes rows in
binary, which numpy writes as a whole. Sources: PostgreSQL's array_send (src/backend/utils/adt/arrayfuncs.c) and
https://www.postgresql.org/docs/current/sql-copy.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Connection, Select, Table

from tribune.store.postgres import driver

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_TYPES = {20: ">i8", 23: ">i4"}
"""How an element looks, by the number of its type: bigint, integer."""

_HEADER = 20
_COPY_BEGINS = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_ENDS = b"\xff\xff"
_ROWS_AT_ONCE = 100_000


def rows_of(connection: Connection, query: Select[Any]) -> Iterator[list[bytes | None]]:
    """The rows of a query, each value in PostgreSQL's binary form; `column` reads those that are arrays.

    It is planned for these very parameters: one plan does not fit a thousand people and a million.
    """
    asked = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    with driver(connection).cursor(binary=True) as cursor:
        cursor.execute(str(asked).encode(), asked.params, prepare=False)
        result = cursor.pgresult
        for row in range(result.ntuples if result else 0):
            yield [result.get_value(row, place) for place in range(result.nfields)] if result else []


def column(raw: bytes | None) -> Ints:
    """An array of integers (none of them NULL) in numpy's form; NULL, which array_agg makes of nothing, is empty."""
    import numpy as np

    if raw is None or len(raw) < _HEADER:
        return np.empty(0, np.int64)
    element = int.from_bytes(raw[8:12], "big")
    told = np.frombuffer(raw, np.dtype([("length", ">i4"), ("value", _TYPES[element])]), offset=_HEADER)
    return told["value"].astype(np.int64)


def copy_columns(
    connection: Connection, table: Table, columns: Mapping[str, Ints], same: Mapping[str, int] | None = None
) -> None:
    """Insert rows of integers by COPY: `columns` of one length, and columns with one value for all."""
    import numpy as np

    names = (*columns, *(same or {}))
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name in names:
        fields += [(f"{name}:length", ">i4"), (name, ">i8" if isinstance(table.c[name].type, BigInteger) else ">i4")]
    number = len(next(iter(columns.values())))
    rows = np.empty(min(number, _ROWS_AT_ONCE), np.dtype(fields))
    rows["fields"] = len(names)
    for name in names:
        rows[f"{name}:length"] = rows[name].itemsize
    for name, value in (same or {}).items():
        rows[name] = value
    listed = ", ".join(f'"{name}"' for name in names)
    statement = f'COPY "{table.name}" ({listed}) FROM STDIN (FORMAT binary)'
    with driver(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(_COPY_BEGINS)
        for start in range(0, number, _ROWS_AT_ONCE):
            part = rows[: min(_ROWS_AT_ONCE, number - start)]
            for name, values in columns.items():
                part[name] = values[start : start + len(part)]
            copy.write(part.tobytes())
        copy.write(_COPY_ENDS)


def batches(number: int, at_once: int) -> Sequence[slice]:
    """Slices over `number` things, `at_once` in each."""
    return [slice(start, min(start + at_once, number)) for start in range(0, number, at_once)]
