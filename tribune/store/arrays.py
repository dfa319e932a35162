"""Many rows between PostgreSQL and numpy, without an object for each value.

Out: `array_agg` makes an array of each column, whose binary form numpy reads as it stands. In: COPY takes rows in
binary, which numpy writes as a whole. Sources: PostgreSQL's array_send (src/backend/utils/adt/arrayfuncs.c) and
https://www.postgresql.org/docs/current/sql-copy.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Connection, Table

from tribune.store.postgres import driver

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_TYPES = {20: ">i8", 23: ">i4"}
"""Bytes of an element by the number of its type: bigint, integer."""

_HEADER = 20
_COPY_BEGINS = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_ENDS = b"\xff\xff"
_ROWS_AT_ONCE = 100_000


def columns_of(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> list[Ints]:
    """The columns of a statement that gives one row of arrays (integer or bigint, none of them NULL inside)."""
    with driver(connection).cursor(binary=True) as cursor:
        cursor.execute(statement.encode(), parameters)
        result = cursor.pgresult
        if result is None:
            raise RuntimeError("the statement gave no row")
        return [_column(result.get_value(0, place)) for place in range(result.nfields)]


def _column(raw: bytes | None) -> Ints:
    import numpy as np

    if raw is None:  # array_agg of nothing
        return np.empty(0, np.int64)
    element = int.from_bytes(raw[8:12], "big")
    told = np.frombuffer(raw, np.dtype([("length", ">i4"), ("value", _TYPES[element])]), offset=_HEADER)
    return told["value"].astype(np.int64)


def copy_columns(
    connection: Connection, table: Table, columns: Mapping[str, Ints], same: Mapping[str, int | str]
) -> None:
    """Insert rows by COPY: `columns` of integers, and columns with one value for all."""
    import numpy as np

    fields: list[tuple[str, Any]] = [("fields", ">i2")]
    fixed: dict[str, Any] = {"fields": len(columns) + len(same)}
    for name in (*columns, *same):
        value = same.get(name)
        if isinstance(value, str):
            raw = value.encode()
            fields += [(f"{name}:length", ">i4"), (name, f"S{len(raw)}")]
            fixed |= {f"{name}:length": len(raw), name: raw}
        else:
            width = 8 if isinstance(table.c[name].type, BigInteger) else 4
            fields += [(f"{name}:length", ">i4"), (name, f">i{width}")]
            fixed[f"{name}:length"] = width
            if value is not None:
                fixed[name] = value
    number = len(next(iter(columns.values())))
    names = ", ".join(f'"{name}"' for name in (*columns, *same))
    statement = f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT binary)'
    rows = np.empty(min(number, _ROWS_AT_ONCE), np.dtype(fields))
    for name, value in fixed.items():
        rows[name] = value
    with driver(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(_COPY_BEGINS)
        for start in range(0, number, _ROWS_AT_ONCE):
            part = rows[: min(_ROWS_AT_ONCE, number - start)]
            for name, values in columns.items():
                part[name] = values[start : start + len(part)]
            copy.write(part.tobytes())
        copy.write(_COPY_ENDS)


def ranges(first: int, last: int, number: int, at_once: int) -> Sequence[tuple[int, int]]:
    """[start, end) over ids from `first` to `last`, of which there are `number`, with about `at_once` in each."""
    width = max(1, at_once * (last - first + 1) // max(1, number))
    return [(start, min(start + width, last + 1)) for start in range(first, last + 1, width)]
