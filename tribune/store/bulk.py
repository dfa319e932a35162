"""Many rows at once, in the fastest way that the database has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table

from tribune.store.arrays import copy_columns
from tribune.store.postgres import driver

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

AT_ONCE = 20_000
FEW = 20
"""PostgreSQL takes so many rows sooner as single statements in one go: COPY begins and ends with round trips."""


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], **same: int | str
) -> None:
    """Insert tuples of `columns` as the driver takes them; `same` are columns with one value for all (names, numbers).

    Plain tuples, which cost a third of what SQLAlchemy's dictionaries do; on PostgreSQL by COPY. Instants and JSON go
    in as their text on both.
    """
    left = iter(rows)
    if connection.dialect.name == "sqlite":
        names = ", ".join(f'"{table.c[name].name}"' for name in (*columns, *same))
        places = ", ".join(["?"] * len(columns) + [_literal(value) for value in same.values()])
        statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'  # noqa: S608 - our own names and numbers
        while batch := list(islice(left, AT_ONCE)):
            connection.exec_driver_sql(statement, batch)
    elif few := list(islice(left, FEW + 1)):
        write = _insert if len(few) <= FEW else _copy
        write(connection, table, (*columns, *same), chain(few, left), tuple(same.values()))


def insert_columns(connection: Connection, table: Table, columns: Mapping[str, Ints], same: Mapping[str, int]) -> None:
    """Insert columns of integers of one length; `same` are columns with one value for all."""
    if not len(next(iter(columns.values()))):
        return
    if connection.dialect.name == "postgresql":
        copy_columns(connection, table, columns, same)
    else:
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        insert_rows(connection, table, list(columns), rows, **same)


def _copy(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    same: tuple[int | str, ...],
) -> None:
    names = ", ".join(f'"{table.c[name].name}"' for name in columns)
    statement = f'COPY "{table.name}" ({names}) FROM STDIN'
    with driver(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row + same)


def _insert(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    same: tuple[int | str, ...],
) -> None:
    names = ", ".join(f'"{table.c[name].name}"' for name in columns)
    places = ", ".join(["%s"] * len(columns))
    statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'  # noqa: S608 - our own names
    with driver(connection).cursor() as cursor:
        cursor.executemany(statement.encode(), [row + same for row in rows])


def _literal(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    if not value.isidentifier():
        raise ValueError(f"{value!r} cannot stand in a statement")
    return f"'{value}'"
