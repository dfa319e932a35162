"""The list of addresses that are never mailed: its hashes are keyed, and it knows with which key.

A list of two keys protects whom each process happens to look for. So whoever looks into it or adds to it is asked for
the key that it was made with, and a new key is made only where nobody is on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.addresses import SuppressionHash
from tribune.domain.errors import ConfigurationError, Conflict, NotFound
from tribune.domain.suppressions import ABOUT_THE_ADDRESS, outweighs
from tribune.ports.people import Forgotten, KeyOfList
from tribune.store.postgres import take_lock
from tribune.store.tables import people, suppressions

Hashes = Callable[[], SuppressionHash]
"""What makes the suppression list's hashes, asked for when first needed: it reads a key."""

FindKey = Callable[[bool], SuppressionHash]
"""The process's key. True: the list has been made with one, so it must be there; else one may be made."""

_AT_ONCE = 5_000
_LOCK = "suppression_key"
_c = suppressions.c
_ANY = select(_c.key_id).where(_c.key_id != "").limit(1)


def no_key(_: bool) -> SuppressionHash:
    """For a store that is opened without people in mind."""
    raise ConfigurationError("This store was opened without the suppression list's key.")


class ListKey:
    """The process's key, held beside the list when it is first used; from then on other processes are refused."""

    def __init__(self, find: FindKey) -> None:
        self._find = find
        self._fits: SuppressionHash | None = None

    def of(self, connection: Connection) -> SuppressionHash:
        """The key. Raises ConfigurationError where the list has hashes that it cannot read."""
        if self._fits is not None:
            return self._fits
        made, keyed = _fitting(connection, self._find)
        if keyed:
            self._fits = made
        return made


def key_hashes(connection: Connection, find: FindKey) -> None:
    """Make keyed hashes of those that an older version wrote. Nothing is left to do the next time.

    Raises ConfigurationError where the list was made with another key: nobody on it would be found."""
    if not connection.scalar(select(_c.address_hash).limit(1)):
        return  # the key need not be there yet
    made, _ = _fitting(connection, find)
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
    """Put a folded address on the list; the first reason stays, but for one that outweighs it. Raises
    ConfigurationError where the list was made with another key."""
    made = hashes()
    first = connection.scalar(_ANY)
    if first is None and connection.dialect.name == "postgresql":
        take_lock(connection, _LOCK)  # of two processes with two keys, one makes the list and the other is refused
        first = connection.scalar(_ANY)
    if first is not None and first not in made.fingerprints:
        raise _refused(keys_of_list(connection), made)
    _put(connection, made, made(key), reason, since, subscriber)


def keys_of_list(connection: Connection) -> list[KeyOfList]:
    """With which keys the list was made, the one of most addresses first."""
    number = func.count()
    asked = select(_c.key_id, number, func.min(_c.since, type_=_c.since.type), func.max(_c.since, type_=_c.since.type))
    found = connection.execute(asked.where(_c.key_id != "").group_by(_c.key_id).order_by(number.desc(), _c.key_id))
    return [KeyOfList(*row) for row in found]


def forget_key(connection: Connection, made: SuppressionHash, fingerprint: str) -> Forgotten:
    """Take off the list what was made with a key that is lost. See tribune.ports.people.People."""
    if fingerprint in made.fingerprints:
        raise Conflict(f"This process has the key {fingerprint}: what was made with it is read, and stays.")
    lost = _c.key_id == fingerprint
    total = connection.scalar(select(func.count()).where(lost)) or 0
    if not total:
        raise NotFound(
            f"Nothing on the list was made with a key {fingerprint!r}.", hint="`tribune suppression keys` names them."
        )
    known = select(people.c.address_key, _c.reason, _c.since, people.c.id).join(people, people.c.id == _c.subscriber_id)
    kept = connection.execute(known.where(lost)).all()
    for key, reason, since, person in kept:
        _put(connection, made, made(key), reason, since, person)
    connection.execute(delete(suppressions).where(lost))
    return Forgotten(len(kept), total - len(kept))


def _put(
    connection: Connection, made: SuppressionHash, hashed: str, reason: str, since: object, subscriber: int | None
) -> None:
    into = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(suppressions)
    weaker = [kept for kept in ABOUT_THE_ADDRESS if outweighs(reason, kept)]
    told = into.values(
        address_hash=hashed, reason=reason, since=since, subscriber_id=subscriber, key_id=made.fingerprint
    )
    connection.execute(
        told.on_conflict_do_update(
            index_elements=[_c.address_hash],
            set_={name: told.excluded[name] for name in ("reason", "since", "subscriber_id")},
            where=_c.reason.in_(weaker),
        )
        if weaker
        else told.on_conflict_do_nothing()
    )


def _fitting(connection: Connection, find: FindKey) -> tuple[SuppressionHash, bool]:
    """The key, and whether the list has keyed hashes, all of which it reads."""
    known = set(connection.scalars(select(_c.key_id).where(_c.key_id != "").distinct()))
    made = find(bool(known))
    if known - made.fingerprints:
        raise _refused(keys_of_list(connection), made)
    return made, bool(known)


def _refused(listed: Sequence[KeyOfList], made: SuppressionHash) -> ConfigurationError:
    told = ", ".join(f"{one.fingerprint} ({one.addresses:,} addresses)" for one in listed)
    if {one.fingerprint for one in listed} & made.fingerprints:
        return ConfigurationError(
            f"The suppression list was made with several keys: {told}; this process's is {made.fingerprint}. Whoever "
            "was put on it with another would be mailed again. Name the other keys in [security] "
            "former_suppression_keys; for one that is lost, see `tribune suppression --help`."
        )
    return ConfigurationError(
        f"The suppression list was made with another key than this process has ({told}; this process's is "
        f"{made.fingerprint}), and would protect nobody. Put suppression.key back into data_dir, or set [security] "
        "suppression_key as it was; all processes need the same one."
    )
