"""Queries of the audience."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, bindparam, cast, delete, exists, func, select, update

from tribune.domain.addresses import address_key, domain_group
from tribune.domain.audience import Cadence, Choice, Fallback, Rhythm, Status, Subscriber, Subscription
from tribune.domain.changes import in_order, rhythms_in_order
from tribune.ports.audience import CarryOver, HeldBack, Mask
from tribune.store.among import among
from tribune.store.bulk import insert_rows
from tribune.store.carry_overs import add_carry_overs, carried_over, forget_carry_overs, take_held_by_pause
from tribune.store.counters import take_numbers
from tribune.store.leaving import stop
from tribune.store.masks import choice_of, choice_text
from tribune.store.suppressions import Hashes, add_suppression
from tribune.store.tables import (
    instant_text,
    marks,
    mask_columns,
    people,
    rhythms,
    sign_ups,
    subscribers,
    subscriptions,
    suppressions,
)
from tribune.store.tables.audience import LEFT

_FEW = 1_000
_MANY = 300
_AT_ONCE = 500
_FACTS = (
    *("id", "audience_group", "languages", "fallback", "zone"),
    *("domain_group", "status", "confirmed_at", "changed_at"),
)


class SqlAudience:
    """Implements tribune.ports.audience.Audience."""

    def __init__(self, connection: Connection, hashes: Hashes) -> None:
        self._connection = connection
        self._hashes = hashes

    # -- reading

    def one(self, subscriber_id: int) -> Subscriber | None:
        return next(iter(self._of([subscriber_id])), None)

    def by_address(self, address: str) -> Subscriber | None:
        return next(iter(self._read(people.c.address_key == address_key(address))), None)

    def by_keys(self, keys: Collection[str]) -> dict[str, Subscriber]:
        found = {}
        for batch in _batches(sorted(keys)):
            for subscriber in self._read(people.c.address_key.in_(batch)):
                found[address_key(subscriber.address)] = subscriber
        return found

    def several(self, ids: Collection[int]) -> dict[int, Subscriber]:
        return {person.id: person for batch in _batches(sorted(set(ids))) for person in self._of(batch)}

    def everyone(self) -> Iterator[Subscriber]:
        after = 0
        while True:
            ids = self._connection.scalars(
                select(people.c.id).where(people.c.id > after).order_by(people.c.id).limit(_AT_ONCE)
            ).all()
            if not ids:
                return
            yield from self._of(ids)
            after = ids[-1]

    def page(
        self, limit: int, *, after: int = 0, status: Status | None = None, group: str | None = None
    ) -> list[Subscriber]:
        wanted = select(subscribers.c.id).where(subscribers.c.id > after).order_by(subscribers.c.id).limit(limit)
        if status is not None:
            wanted = wanted.where(subscribers.c.status == status.value)
        if group is not None:
            wanted = wanted.where(subscribers.c.audience_group == group)
        return list(self._of(self._connection.scalars(wanted).all()))

    def count(self) -> Mapping[Status, int]:
        rows = self._connection.execute(select(subscribers.c.status, func.count()).group_by(subscribers.c.status))
        return {Status(status): number for status, number in rows}

    def _read(self, which: ColumnElement[bool]) -> Iterator[Subscriber]:
        """Subscribers in order of id. Told their ids, a database looks each of them up; told how to find them, it may
        read all rhythms first."""
        ids = self._connection.scalars(select(people.c.id).where(which)).all()
        if ids:
            yield from self._of(ids)

    def _of(self, ids: Sequence[int]) -> Iterator[Subscriber]:
        """Those that there are, in order of id; three queries however many they are."""
        wishes: dict[int, list[Subscription]] = defaultdict(list)
        for row in self._connection.execute(
            select(
                subscriptions.c.subscriber_id,
                subscriptions.c.digest,
                subscriptions.c.cadence,
                cast(subscriptions.c.choice, Text),
            ).where(among(self._connection, subscriptions.c.subscriber_id, ids))
        ):
            wishes[row[0]].append(Subscription(row[1], Cadence(row[2]), choice_of(row[3])))
        kept: dict[int, list[Rhythm]] = defaultdict(list)
        for told in self._connection.execute(
            select(
                rhythms.c.subscriber_id,
                rhythms.c.digest,
                rhythms.c.cadence,
                rhythms.c.weekday,
                rhythms.c.hour,
                marks.c.mark,
                marks.c.last_date,
                rhythms.c.stopped_at,
            )
            .join(
                marks,
                (marks.c.subscriber_id == rhythms.c.subscriber_id)
                & (marks.c.digest == rhythms.c.digest)
                & (marks.c.cadence == rhythms.c.cadence),
            )
            .where(
                among(self._connection, rhythms.c.subscriber_id, ids),
                among(self._connection, marks.c.subscriber_id, ids),
            )
        ):
            kept[told[0]].append(Rhythm(told[1], Cadence(told[2]), *told[3:]))
        both = people.join(subscribers, subscribers.c.id == people.c.id)
        for who in self._connection.execute(
            select(people, subscribers)
            .select_from(both)
            .where(among(self._connection, people.c.id, ids))
            .order_by(people.c.id)
        ):
            yield Subscriber(
                id=who.id,
                address=who.address,
                name=who.name,
                group=who.audience_group,
                languages=tuple(who.languages.split(",")),
                zone=who.zone,
                fallback=Fallback(who.fallback),
                status=Status(who.status),
                subscriptions=in_order(wishes[who.id]),
                rhythms=rhythms_in_order(kept[who.id]),
                paused_until=who.paused_until,
            )

    # -- writing

    def add(self, new: Sequence[Subscriber], mask: Mask, now: datetime) -> list[int]:
        if not new:
            return []
        first = self._take_ids(len(new))
        numbered = list(enumerate(new, start=first))
        insert_rows(
            self._connection,
            people,
            ["id", "address", "address_key", "name"],
            ((id, s.address, address_key(s.address), s.name) for id, s in numbered),
        )
        at = instant_text(now)
        insert_rows(
            self._connection,
            subscribers,
            _FACTS,
            ((id, *_facts(s).values(), at, at) for id, s in numbered),
        )
        self._add_wishes(numbered, mask)
        self._let_count(first, first + len(new) - 1)
        return [id for id, _ in numbered]

    def _let_count(self, first: int, last: int) -> None:
        """Each time that there are twice as many people: PostgreSQL counts by itself a minute later, and goes on until
        then with plans that it made for a few."""
        # A few at a time the server keeps up by itself, and whoever signs up must not wait for the counting.
        many = last - first >= _MANY
        doubled = many and last > _FEW and (first - 1).bit_length() < last.bit_length()
        if doubled and self._connection.dialect.name == "postgresql":
            names = ", ".join(table.name for table in (people, subscribers, subscriptions, rhythms, marks))
            self._connection.exec_driver_sql(f"ANALYZE {names}")

    def update(self, changed: Sequence[Subscriber], mask: Mask, now: datetime) -> None:
        if not changed:
            return
        self._connection.execute(
            update(people)
            .where(people.c.id == bindparam("of"))
            .values({name: bindparam(f"to_{name}") for name in ("address", "address_key", "name")}),
            [
                {"of": s.id, "to_address": s.address, "to_address_key": address_key(s.address), "to_name": s.name}
                for s in changed
            ],
        )
        facts = [name for name in _FACTS if name not in ("id", "confirmed_at")]
        self._connection.execute(
            update(subscribers)
            .where(subscribers.c.id == bindparam("of"))
            .values({name: bindparam(f"to_{name}") for name in (*facts, "paused_until")}),
            [
                {"of": s.id, "to_changed_at": now, "to_paused_until": s.paused_until}
                | {f"to_{name}": value for name, value in _facts(s).items()}
                for s in changed
            ],
        )
        for batch in _batches([s.id for s in changed]):
            for table in (subscriptions, rhythms, marks):
                self._connection.execute(delete(table).where(table.c.subscriber_id.in_(batch)))
        self._add_wishes([(s.id, s) for s in changed], mask)

    def set_stopped(self, person: Subscriber, now: datetime) -> None:
        self._connection.execute(
            update(subscribers)
            .where(subscribers.c.id == person.id)
            .values(
                status=person.status.value,
                paused_until=person.paused_until,
                changed_at=now,
            )
        )
        for r in person.rhythms:
            for table, value in ((rhythms, {"stopped_at": r.stopped_at}), (marks, {"mark": r.mark})):
                self._connection.execute(
                    update(table)
                    .where(
                        table.c.subscriber_id == person.id,
                        table.c.digest == r.digest,
                        table.c.cadence == r.cadence.value,
                    )
                    .values(value)
                )

    def pause(self, subscriber_id: int, until: datetime, now: datetime) -> bool:
        change = update(subscribers).where(
            subscribers.c.id == subscriber_id,
            subscribers.c.status.in_((Status.ACTIVE.value, Status.PAUSED.value)),
        )
        told = change.values(status=Status.PAUSED.value, paused_until=until, changed_at=now)
        return self._connection.execute(told).rowcount == 1

    def to_resume(self, now: datetime, limit: int) -> list[int]:
        s = subscribers.c
        ended = select(s.id).where(s.paused_until <= now, s.status == Status.PAUSED.value)
        return list(self._connection.scalars(ended.order_by(s.paused_until).limit(limit)))

    def left_before(self, before: datetime, limit: int) -> list[int]:
        s = subscribers.c
        left = select(s.id).where(s.status == LEFT, s.changed_at < before)
        coming = exists().where(sign_ups.c.subscriber_id == s.id)
        return list(self._connection.scalars(left.where(~coming).order_by(s.changed_at).limit(limit)))

    def held_by_pause(self, subscriber: int, since: datetime, now: datetime) -> list[HeldBack]:
        return take_held_by_pause(self._connection, subscriber, since, now)

    def choices(self, ids: Collection[int], digest: str) -> dict[int, tuple[Choice, ...]]:
        found: dict[int, tuple[Choice, ...]] = dict.fromkeys(ids, ())
        s = subscriptions.c
        for batch in _batches(sorted(found)):
            for id, kept in self._connection.execute(
                select(s.subscriber_id, cast(s.choice, Text))
                .where(s.subscriber_id.in_(batch), s.digest == digest)
                .order_by(s.id)
            ):
                found[id] = (*found[id], choice_of(kept))
        return found

    def stop(self, stops: Collection[tuple[int, str | None]], now: datetime) -> set[tuple[int, str | None]]:
        return stop(self._connection, stops, now)

    def _add_wishes(self, whose: Sequence[tuple[int, Subscriber]], mask: Mask) -> None:
        insert_rows(
            self._connection,
            subscriptions,
            ["subscriber_id", "digest", "cadence", "choice", *mask_columns],
            (
                (id, wish.digest, wish.cadence.value, choice_text(wish.choice), *mask(wish.choice))
                for id, s in whose
                for wish in s.subscriptions
            ),
        )
        insert_rows(
            self._connection,
            rhythms,
            ["subscriber_id", "digest", "cadence", "weekday", "hour", "zone", "stopped_at"],
            (
                (id, r.digest, r.cadence.value, r.weekday, r.hour, s.zone, _text_of(r.stopped_at))
                for id, s in whose
                for r in s.rhythms
            ),
        )
        insert_rows(
            self._connection,
            marks,
            ["subscriber_id", "digest", "cadence", "mark", "last_date"],
            (
                (id, r.digest, r.cadence.value, r.mark, r.last_date and r.last_date.isoformat())
                for id, s in whose
                for r in s.rhythms
            ),
        )

    def _take_ids(self, number: int) -> int:
        """The first of `number` new ids. A person's number is never used again, even when the newest is erased."""
        first = take_numbers(self._connection, "people", number) - number + 1
        highest = self._connection.scalar(select(func.coalesce(func.max(people.c.id), 0))) or 0
        if first <= highest:  # people were put there by other means
            first = take_numbers(self._connection, "people", highest + 1 - first) - number + 1
        return first

    # -- who is never mailed

    def suppress(self, address: str, reason: str, now: datetime) -> None:
        key = address_key(address)
        person = self._connection.scalar(select(people.c.id).where(people.c.address_key == key))
        add_suppression(self._connection, self._hashes, key, reason, now, person)

    def suppressed(self, addresses: Collection[str]) -> dict[str, str]:
        if not addresses:
            return {}
        hashes = self._hashes()
        by_hash = {hash: address for address in addresses for hash in hashes.each(address_key(address))}
        found = {}
        for batch in _batches(sorted(by_hash)):
            for hash, reason in self._connection.execute(
                select(suppressions.c.address_hash, suppressions.c.reason).where(
                    among(self._connection, suppressions.c.address_hash, batch)
                )
            ):
                found[by_hash[hash]] = reason
        return found

    def lift(self, addresses: Collection[str], reasons: Collection[str]) -> None:
        listed = suppressions.c.reason.in_(sorted(reasons))
        hashes = self._hashes()
        for batch in _batches(sorted(hash for told in addresses for hash in hashes.each(address_key(told)))):
            self._connection.execute(delete(suppressions).where(suppressions.c.address_hash.in_(batch), listed))

    # -- what waits for them

    def carry_over(self, rows: Sequence[CarryOver]) -> None:
        add_carry_overs(self._connection, rows)

    def carried(self, subscriber_ids: Collection[int], digest: str) -> list[CarryOver]:
        return [
            row for batch in _batches(sorted(subscriber_ids)) for row in carried_over(self._connection, batch, digest)
        ]

    def forget_carried(self, subscriber_ids: Collection[int], digest: str) -> None:
        for batch in _batches(sorted(subscriber_ids)):
            forget_carry_overs(self._connection, batch, digest)


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _facts(s: Subscriber) -> dict[str, str]:
    return {
        "audience_group": s.group,
        "languages": ",".join(s.languages),
        "fallback": s.fallback.value,
        "zone": s.zone,
        "domain_group": domain_group(s.address.rpartition("@")[2]),
        "status": s.status.value,
    }


def _text_of(instant: datetime | None) -> str | None:
    return None if instant is None else instant_text(instant)
