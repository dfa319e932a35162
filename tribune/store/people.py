"""Queries about people for pages. Implements tribune.ports.people.People."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

from tribune.domain.addresses import SuppressionHash
from tribune.domain.audience import Status
from tribune.domain.names_alike import patterns
from tribune.ports.people import Forgotten, Found, KeyOfList, Listed
from tribune.store.suppressions import Hashes, forget_key, keys_of_list
from tribune.store.tables import people, subscribers, suppressions

_s = suppressions.c
_HIGHEST = "\U0010ffff"
_LONGEST_PASS_MS = 5_000


class SqlPeople:
    """Each query reads through an index, and no more than it gives; words of names in one bounded pass."""

    def __init__(self, connection: Connection, hashes: Hashes) -> None:
        self._connection = connection
        self._hashes = hashes

    def by_address(self, beginning: str, limit: int, after: int = 0) -> list[Found]:
        key = people.c.address_key
        query = _people().where(key >= beginning, key < beginning + _HIGHEST).order_by(key)
        if after:  # who has been erased meanwhile has no place among them: then there is nobody after
            query = query.where(key > select(key).where(people.c.id == after).scalar_subquery())
        return self._found(query, limit)

    def by_name(self, words: Sequence[str], limit: int, after: int = 0) -> list[Found]:
        wanted = patterns(words)
        if not wanted:
            return []
        # A pass over the names: an index of their words would cost an import half of its speed, and neither database
        # folds letters beyond ASCII by itself.
        matching = [people.c.name.regexp_match(pattern) for pattern in wanted]
        if self._connection.dialect.name == "postgresql":
            self._connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_LONGEST_PASS_MS}")
        return self._found(_people().where(*matching, people.c.id > after).order_by(people.c.id), limit)

    def newest(self, limit: int, before: int = 0) -> list[Found]:
        query = _people().order_by(people.c.id.desc())
        return self._found(query.where(people.c.id < before) if before else query, limit)

    def suppressed(self) -> Mapping[str, int]:
        rows = self._connection.execute(
            select(_s.reason, func.count()).group_by(_s.reason).order_by(func.count().desc())
        )
        return {reason: number for reason, number in rows}  # noqa: C416 - rows, not pairs

    def listed(self, key: str) -> Listed | None:
        asked = select(suppressions).where(_s.address_hash.in_(self._hashes().each(key))).order_by(_s.since)
        row = self._connection.execute(asked).first()
        return Listed(row.reason, row.since, row.subscriber_id) if row else None

    def entries(self, limit: int) -> list[Listed]:
        rows = self._connection.execute(
            select(_s.reason, _s.since, _s.subscriber_id).order_by(_s.since.desc()).limit(limit)
        )
        return [Listed(*row) for row in rows]

    def keys_of_list(self) -> Sequence[KeyOfList]:
        return keys_of_list(self._connection)

    def forget_key(self, made: SuppressionHash, fingerprint: str) -> Forgotten:
        return forget_key(self._connection, made, fingerprint)

    def _found(self, query: Select[Any], limit: int) -> list[Found]:
        rows = self._connection.execute(query.limit(limit))
        return [Found(id, name, address, group, Status(status)) for id, name, address, group, status in rows]


def _people() -> Select[Any]:
    both = people.join(subscribers, subscribers.c.id == people.c.id)
    return select(
        people.c.id, people.c.name, people.c.address, subscribers.c.audience_group, subscribers.c.status
    ).select_from(both)


def _forms(word: str) -> set[str]:
    return {word, word.lower(), word.title(), word.upper()}
