"""The list of addresses that are never mailed: its hashes are keyed, and it knows with which key."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.errors import ConfigurationError
from tribune.store.engine import Hashes
from tribune.store.tables import suppressions

_AT_ONCE = 5_000
_c = suppressions.c


def key_hashes(connection: Connection, hashes: Hashes) -> None:
    """Make keyed hashes of those that an older version wrote. Nothing is left to do the next time.

    Raises ConfigurationError where the list was made with another key: nobody on it would be found."""
    known = connection.scalars(select(_c.key_id).distinct()).all()
    if not known:
        return  # the key need not be there yet
    made = hashes()
    if set(known) - {"", made.fingerprint}:
        raise ConfigurationError(
            "The suppression list was made with another key than this process has, and would protect nobody. "
            "Put suppression.key back into data_dir, or set [security] suppression_key as it was; all processes "
            "need the same one."
        )
    while rows := connection.execute(select(suppressions).where(_c.key_id == "").limit(_AT_ONCE)).all():
        renamed = [(row, made.of_plain(row.address_hash)) for row in rows]
        # Where both forms of an address are there, an older version was at work beside us: the first reason stays.
        taken = set(
            connection.scalars(select(_c.address_hash).where(_c.address_hash.in_([keyed for _, keyed in renamed])))
        )
        double = [row.address_hash for row, keyed in renamed if keyed in taken]
        if double:
            connection.execute(delete(suppressions).where(_c.address_hash.in_(double)))
        if moved := [(row, keyed) for row, keyed in renamed if keyed not in taken]:
            connection.execute(
                update(suppressions)
                .where(_c.address_hash == bindparam("of"))
                .values(address_hash=bindparam("to_hash"), key_id=made.fingerprint),
                [{"of": row.address_hash, "to_hash": keyed} for row, keyed in moved],
            )


def add_suppression(
    connection: Connection, hashes: Hashes, key: str, reason: str, since: object, subscriber: int | None
) -> None:
    """Put a folded address on the list; the first reason stays."""
    made = hashes()
    into = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(suppressions)
    connection.execute(
        into.on_conflict_do_nothing(),
        {
            "address_hash": made(key),
            "reason": reason,
            "since": since,
            "subscriber_id": subscriber,
            "key_id": made.fingerprint,
        },
    )
