"""Queries over many people at once. Implements tribune.ports.newcomers.Newcomers."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select

from tribune.domain.addresses import domain_group
from tribune.domain.audience import Cadence, Subscriber
from tribune.domain.consent import ConsentAct, ConsentSource, agreed
from tribune.ports.audience import Mask
from tribune.ports.newcomers import Kept, Nature, Newcomer, Wants
from tribune.store.bulk import insert_rows
from tribune.store.counters import take_numbers
from tribune.store.masks import choice_of, choice_text
from tribune.store.postgres import driver
from tribune.store.suppressions import Hashes
from tribune.store.tables import (
    consents,
    instant_text,
    marks,
    mask_columns,
    people,
    rhythms,
    subscribers,
    subscriptions,
    suppressions,
)

_COUNTED = (people, subscribers, subscriptions, rhythms, marks, consents)
_FEW = 1_000

PEOPLE = ("id", "address", "address_key", "name")
SUBSCRIBERS = (
    *("id", "audience_group", "languages", "fallback", "zone"),
    *("domain_group", "status", "confirmed_at", "changed_at"),
)
SUBSCRIPTIONS = ("subscriber_id", "digest", "cadence", "choice", *mask_columns)
RHYTHMS = ("subscriber_id", "digest", "cadence", "weekday", "hour", "zone", "stopped_at")
MARKS = ("subscriber_id", "digest", "cadence", "mark")
CONSENTS = (
    *("subscriber_id", "agreed", "act", "at", "source"),
    *("text_version", "network", "acted_by", "basis"),
)


class SqlNewcomers:
    """Each query takes all the people it is asked for in one statement: a list is one parameter."""

    def __init__(self, connection: Connection, hashes: Hashes) -> None:
        self._connection = connection
        self._hashes = hashes
        self._postgres = connection.dialect.name == "postgresql"

    def known(self, keys: Collection[str]) -> dict[str, int]:
        if not keys:
            return {}
        return dict(self._among("SELECT address_key, id FROM people WHERE address_key", list(keys), "text"))

    def kept(self, ids: Collection[int]) -> dict[int, Kept]:
        if not ids:
            return {}
        whose = list(ids)
        found = {
            told[0]: Kept._make((*told[1:], [], []))
            for told in self._among(
                "SELECT p.id, p.address, p.name, s.audience_group, s.languages, s.fallback, s.zone, s.status"
                " FROM people p JOIN subscribers s ON s.id = p.id WHERE p.id",
                whose,
                "integer",
            )
        }
        text = "choice::text" if self._postgres else "choice"
        wishes = f"SELECT subscriber_id, digest, cadence, {text} FROM subscriptions WHERE subscriber_id"  # noqa: S608
        for id, digest, cadence, choice in self._among(wishes, whose, "integer"):
            found[id].wishes.append((digest, _CADENCES[cadence], choice_of(choice)))
        timing = "SELECT subscriber_id, digest, cadence, weekday, hour, stopped_at FROM rhythms WHERE subscriber_id"
        for id, digest, cadence, weekday, hour, stopped in self._among(timing, whose, "integer"):
            found[id].rhythms.append((digest, _CADENCES[cadence], weekday, hour, stopped is not None))
        return found

    def suppressed(self, keys: Collection[str]) -> dict[str, str]:
        if not keys or not self._connection.scalar(select(exists(select(suppressions.c.address_hash)))):
            return {}
        hashes = self._hashes()
        by_hash = {hash: key for key in keys for hash in hashes.each(key)}
        listed = self._among("SELECT address_hash, reason FROM suppressions WHERE address_hash", list(by_hash), "text")
        return {by_hash[hash]: reason for hash, reason in listed}

    def add(self, new: Sequence[Newcomer], mask: Mask, horizon: int, now: datetime, by: str, basis: str) -> int:
        if not new:
            return 0
        first = self._take_ids(len(new))
        if self._postgres:
            from tribune.store.newcomers_pg import copy_newcomers

            copy_newcomers(self._connection, new, first, mask, horizon, now, by, basis)
        else:
            self._insert(new, first, mask, horizon, now, by, basis)
        self._let_count(first, first + len(new) - 1)
        return first

    def _insert(
        self, new: Sequence[Newcomer], first: int, mask: Mask, horizon: int, now: datetime, by: str, basis: str
    ) -> None:
        put, at = self._connection, instant_text(now)
        numbered = list(enumerate(new, start=first))
        insert_rows(put, people, PEOPLE, ((id, n.address, n.key, n.name) for id, n in numbered))
        insert_rows(
            put,
            subscribers,
            SUBSCRIBERS,
            (
                (id, *nature_cells(n.nature), domain_group(n.address.rpartition("@")[2]), n.wants.status.value, at, at)
                for id, n in numbered
            ),
        )
        insert_rows(
            put,
            subscriptions,
            SUBSCRIPTIONS,
            ((id, *cells) for id, n in numbered for cells in _remembered(n.wants, mask)),
        )
        insert_rows(
            put,
            rhythms,
            RHYTHMS,
            (
                (id, r.digest, r.cadence.value, r.weekday, r.hour, n.nature.zone, r.stopped_at and at)
                for id, n in numbered
                for r in n.wants.rhythms
            ),
        )
        insert_rows(
            put,
            marks,
            MARKS,
            ((id, r.digest, r.cadence.value, horizon) for id, n in numbered for r in n.wants.rhythms),
        )
        same = (ConsentAct.IMPORTED.value, at, ConsentSource.IMPORT.value, "", "", by, basis[:300])
        insert_rows(put, consents, CONSENTS, ((id, agreed_text(n), *same) for id, n in numbered))

    def _take_ids(self, number: int) -> int:
        """The first of `number` new ids. A person's number is never used again, even when the newest is erased."""
        first = take_numbers(self._connection, "people", number) - number + 1
        highest = self._connection.scalar(select(func.coalesce(func.max(people.c.id), 0))) or 0
        if first <= highest:  # people were put there by other means
            first = take_numbers(self._connection, "people", highest + 1 - first) - number + 1
        return first

    def _let_count(self, first: int, last: int) -> None:
        """Each time that there are twice as many people: PostgreSQL counts by itself a minute later, and goes on until
        then with plans that it made for a few."""
        if self._postgres and last > _FEW and (first - 1).bit_length() < last.bit_length():
            self._connection.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in _COUNTED)}")

    def _among(self, query: str, values: list[Any], type: str) -> Iterator[Any]:
        """Rows of a query that ends before its "= one of these values". By index: a list of thousands would have the
        planner read the whole table, which by then may be larger than it knows."""
        if not self._postgres:
            wanted = query + " IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own words
            yield from self._connection.exec_driver_sql(wanted, (json.dumps(values),))
            return
        with driver(self._connection).cursor() as cursor:
            cursor.execute(b"SET LOCAL enable_seqscan = off")
            cursor.execute(f"{query} = ANY(%s::{type}[])".encode(), (values,), prepare=False)
            rows = cursor.fetchall()
            cursor.execute(b"SET LOCAL enable_seqscan = on")
        yield from rows


_CADENCES = {cadence.value: cadence for cadence in Cadence}


def nature_cells(nature: Nature) -> tuple[str, str, str, str]:
    """Group, languages, fallback and zone as they are stored."""
    return nature.group, ",".join(nature.languages), nature.fallback.value, nature.zone


def wish_cells(wants: Wants, mask: Mask) -> list[tuple[Any, ...]]:
    """The subscriptions as they are stored, without whose they are."""
    return [(s.digest, s.cadence.value, choice_text(s.choice), *mask(s.choice)) for s in wants.subscriptions]


def _remembered(wants: Wants, mask: Mask) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] | None = wants.memo.get("wishes")
    if found is None:
        found = wants.memo["wishes"] = wish_cells(wants, mask)
    return found


def agreed_text(newcomer: Newcomer) -> str:
    """What they get, as a consent record keeps it."""
    key: Any = newcomer.nature.languages
    found: str | None = newcomer.wants.memo.get(key)
    if found is None:
        found = newcomer.wants.memo[key] = json.dumps(agreed_of(newcomer.wants, key))
    return found


def agreed_of(wants: Wants, languages: Sequence[str]) -> dict[str, Any]:
    """As tribune.domain.consent.agreed gives it for a subscriber."""

    person = Subscriber(
        0,
        "",
        "",
        "",
        tuple(languages),
        "",
        subscriptions=wants.subscriptions,
        rhythms=wants.rhythms,
    )
    return agreed(person)
