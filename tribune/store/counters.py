"""Numbers given in order of commit: the counter's row stays locked until the transaction ends (decisions.md, 2)."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, text

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
