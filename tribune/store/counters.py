"""Numbers given in order of commit: the counter's row stays locked until the transaction ends (decisions.md, 2)."""

from __future__ import annotations

from sqlalchemy import Connection, Table, bindparam, func, select, text

from tribune.store.tables import counters

# As text, because Core spells ON CONFLICT once per database; SQLite and PostgreSQL read it alike.
_MAKE = text("INSERT INTO counters (name, value) VALUES (:name, 0) ON CONFLICT DO NOTHING")
_TAKE = (
    counters.update()
    .where(counters.c.name == bindparam("of"))
    .values(value=counters.c.value + bindparam("count"))
    .returning(counters.c.value)
)


def take_numbers(connection: Connection, name: str, count: int) -> int:
    """The last of `count` new numbers of a counter, which is made where there is none."""
    last = connection.scalar(_TAKE, {"of": name, "count": count})
    if last is None:
        connection.execute(_MAKE, {"name": name})
        last = connection.scalar(_TAKE, {"of": name, "count": count})
    return int(last or 0)


_FROM_SEQUENCE = text("SELECT nextval(pg_get_serial_sequence(:of, 'id')) FROM generate_series(1, :count)")


def new_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """So many new ids of a table whose `id` counts by itself, rising, so that its rows can be copied in."""
    if connection.dialect.name == "postgresql":
        return sorted(connection.scalars(_FROM_SEQUENCE, {"of": table.name, "count": count}))
    last = take_numbers(connection, table.name, count)
    highest = int(connection.scalar(select(func.max(table.c.id))) or 0)
    if last - count < highest:  # some were given by the table itself
        last = take_numbers(connection, table.name, highest - (last - count))
    return list(range(last - count + 1, last + 1))
