"""Queries of sign-ups. Implements tribune.ports.sign_ups.SignUps."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, select, update

from tribune.domain.audience import Status
from tribune.domain.consent import ConsentSource
from tribune.domain.sign_up import Asking, SignUp, from_json, to_json
from tribune.ports.sign_ups import Forgotten, Known
from tribune.store.among import among
from tribune.store.bulk import insert_rows
from tribune.store.counters import new_ids, take_numbers
from tribune.store.tables import carry_overs, instant_text, notices, people, rhythms, sign_ups, subscribers

_AT_ONCE = 500
_c = sign_ups.c


class SqlSignUps:
    """Named queries over one table, and the little that a sign-up must know of people."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self, keys: Collection[str]) -> dict[str, Known]:
        found = {}
        for batch in _batches(sorted(keys)):
            # In the order of ids: two processes never wait for each other in a ring.
            query = (
                select(people.c.address_key, people.c.id, subscribers.c.status, subscribers.c.languages)
                .join(subscribers, subscribers.c.id == people.c.id)
                .where(among(self._connection, people.c.address_key, batch))
                .order_by(people.c.id)
                .with_for_update(key_share=True, of=people)
            )
            for key, id, status, languages in self._connection.execute(query):
                found[key] = Known(id, Status(status), tuple(languages.split(",")))
        return found

    def take_turn(self) -> None:
        # Numbers of people are given under this row's lock, by imports too; nobody adds a person without one.
        take_numbers(self._connection, "people", 0)

    def add(self, asked: Sequence[tuple[int, Asking]], now: datetime) -> list[int]:
        if not asked:
            return []
        ids, at = new_ids(self._connection, sign_ups, len(asked)), instant_text(now)
        insert_rows(
            self._connection,
            sign_ups,
            ["id", "subscriber_id", "at", "wanted", "text_version", "source", "network"],
            (
                (id, person, at, json.dumps(to_json(one.wanted)), one.text_version, one.source.value, one.network)
                for id, (person, one) in zip(ids, asked, strict=True)
            ),
        )
        return ids

    def those(self, ids: Collection[int]) -> dict[int, SignUp]:
        found = {}
        for batch in _batches(sorted(set(ids))):
            for row in self._connection.execute(select(sign_ups).where(among(self._connection, _c.id, batch))):
                found[row.id] = _sign_up(row)
        return found

    def of(self, subscriber: int) -> list[SignUp]:
        rows = self._connection.execute(select(sign_ups).where(_c.subscriber_id == subscriber).order_by(_c.id))
        return [_sign_up(row) for row in rows]

    def settle(self, subscribers_: Collection[int], now: datetime, forms: Collection[int] | None = None) -> None:
        for batch in _batches(sorted(subscribers_)):
            self._connection.execute(update(subscribers).where(subscribers.c.id.in_(batch)).values(confirmed_at=now))
            self._connection.execute(delete(carry_overs).where(carry_overs.c.subscriber_id.in_(batch)))
        if forms is None:
            self.forget(subscribers_)
        else:
            self.drop(forms)

    def drop(self, ids: Collection[int]) -> None:
        for batch in _batches(sorted(ids)):
            self._connection.execute(delete(sign_ups).where(_c.id.in_(batch)))

    def forget(self, subscribers_: Collection[int]) -> None:
        for batch in _batches(sorted(subscribers_)):
            self._connection.execute(delete(sign_ups).where(_c.subscriber_id.in_(batch)))

    def forget_before(self, instant: datetime, most: int) -> Forgotten:
        old = self._connection.execute(
            select(_c.id, _c.subscriber_id)
            .where(_c.at < instant)
            .order_by(_c.at)
            .limit(most)
            .with_for_update(skip_locked=True)
        ).all()
        gone, mails = 0, []
        for batch in _batches(old):
            self._connection.execute(delete(sign_ups).where(_c.id.in_([row.id for row in batch])))
            people_, names = self._erase_unconfirmed({row.subscriber_id for row in batch})
            gone += people_
            mails += names
        return Forgotten(len(old), gone, tuple(mails))

    def _erase_unconfirmed(self, ids: Collection[int]) -> tuple[int, list[str]]:
        """Erase those of these people who have never confirmed anything, nor been imported since: how many, and the
        names of their mails."""
        # First the locks: somebody may be signing up again with one of these addresses at this moment.
        held = self._connection.scalars(
            select(people.c.id).where(people.c.id.in_(sorted(ids))).order_by(people.c.id).with_for_update()
        ).all()
        never = self._connection.scalars(
            select(subscribers.c.id).where(
                subscribers.c.id.in_(held),
                subscribers.c.status == Status.PENDING.value,
                ~exists().where(_c.subscriber_id == subscribers.c.id),
                ~exists().where(rhythms.c.subscriber_id == subscribers.c.id),
            )
        ).all()
        names: list[str] = []
        if never:
            sent = delete(notices).where(notices.c.subscriber_id.in_(never)).returning(notices.c.id)
            names = [f"n.{id}" for id in self._connection.scalars(sent)]
            self._connection.execute(delete(subscribers).where(subscribers.c.id.in_(never)))
            self._connection.execute(delete(people).where(people.c.id.in_(never)))  # and with them their consents
        return len(never), names


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _sign_up(row: Row[Any]) -> SignUp:
    return SignUp(
        id=row.id,
        subscriber=row.subscriber_id,
        at=row.at,
        wanted=from_json(row.wanted),
        text_version=row.text_version,
        source=ConsentSource(row.source),
        network=row.network,
    )
