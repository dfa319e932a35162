"""Requests about data, and what is held about a person: by the tables themselves, so that a new one is not forgotten.

Whatever table has a column `subscriber_id` is about people. `test_erasing` holds that no table names them otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, insert, select, tuple_, update

from tribune.domain.addresses import address_key, domain_group
from tribune.domain.sending import name_of
from tribune.ports.data_requests import OPEN, DataRequest, RequestKind, RequestState
from tribune.store.delivery_blocks import forget_member, latest_places
from tribune.store.suppressions import Hashes, add_suppression
from tribune.store.tables import (
    consents,
    data_requests,
    deliveries,
    delivery_exceptions,
    mask_columns,
    metadata,
    notices,
    people,
    subscribers,
    suppressions,
)

NOBODY = 0
"""The number of nobody: what a delivery holds once its person is erased."""

_EVERY = 1_000_000_000
_AT_ONCE = 500
_APART = {deliveries.name, suppressions.name, data_requests.name}
_r = data_requests.c


class SqlDataRequests:
    """Implements tribune.ports.data_requests.DataRequests."""

    def __init__(self, connection: Connection, hashes: Hashes) -> None:
        self._connection = connection
        self._hashes = hashes

    # -- the requests

    def one(self, request: int) -> DataRequest | None:
        row = self._connection.execute(select(data_requests).where(_r.id == request)).one_or_none()
        return _request(row) if row else None

    def recent(
        self,
        *,
        kinds: Collection[RequestKind] = (),
        states: Collection[RequestState] = (),
        subscriber: int | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[DataRequest]:
        asked = select(data_requests).order_by(_r.id.desc()).limit(limit)
        if kinds:
            asked = asked.where(_r.kind.in_([kind.value for kind in kinds]))
        if states:
            asked = asked.where(_r.state.in_([state.value for state in states]))
        if subscriber is not None:
            asked = asked.where(_r.subscriber_id == subscriber)
        if before is not None:
            asked = asked.where(_r.id < before)
        return [_request(row) for row in self._connection.execute(asked)]

    def add(
        self,
        subscriber: int,
        kind: RequestKind,
        state: RequestState,
        by: str,
        now: datetime,
        traces: Sequence[str] = (),
    ) -> DataRequest:
        row = self._connection.execute(
            insert(data_requests)
            .values(
                subscriber_id=subscriber,
                kind=kind.value,
                state=state.value,
                created_at=now,
                settled_at=None if state in OPEN else now,
                asked_by=by,
                traces=list(traces),
            )
            .returning(*data_requests.columns)
        ).one()
        return _request(row)

    def settle(self, request: int, to: RequestState, now: datetime, *, of: RequestState) -> bool:
        change = update(data_requests).where(_r.id == request, _r.state == of.value)
        return self._connection.execute(change.values(state=to.value, settled_at=now, traces=[])).rowcount == 1

    def expire(self, before: datetime, now: datetime) -> int:
        late = and_(
            _r.kind == RequestKind.ADDRESS.value, _r.state == RequestState.WAITING.value, _r.created_at < before
        )
        whose = select(_r.subscriber_id).where(late)
        self._connection.execute(update(people).where(people.c.id.in_(whose)).values(new_address=None))
        change = update(data_requests).where(late).values(state=RequestState.EXPIRED.value, settled_at=now)
        return self._connection.execute(change).rowcount

    # -- the address that waits

    def new_address(self, subscriber: int) -> str | None:
        return self._connection.scalar(select(people.c.new_address).where(people.c.id == subscriber))

    def keep_new_address(self, subscriber: int, address: str | None) -> None:
        self._connection.execute(update(people).where(people.c.id == subscriber).values(new_address=address))

    def move(self, subscriber: int, now: datetime) -> bool:
        address = self.new_address(subscriber)
        if address is None:
            return False
        key = address_key(address)
        if self._connection.scalar(select(people.c.id).where(people.c.address_key == key, people.c.id != subscriber)):
            return False
        self._connection.execute(
            update(people).where(people.c.id == subscriber).values(address=address, address_key=key, new_address=None)
        )
        group = domain_group(address.rpartition("@")[2])
        self._connection.execute(
            update(subscribers).where(subscribers.c.id == subscriber).values(domain_group=group, changed_at=now)
        )
        # What bounced was the address that they have left. The new one may be on the list too.
        s = suppressions.c
        self._connection.execute(update(suppressions).where(s.subscriber_id == subscriber).values(subscriber_id=None))
        listed = update(suppressions).where(s.address_hash.in_(self._hashes().each(key)))
        self._connection.execute(listed.values(subscriber_id=subscriber))
        return True

    def join(self, other: int, subscriber: int) -> list[str]:
        names = self.mail_names(other)
        self._connection.execute(
            update(consents).where(consents.c.subscriber_id == other).values(subscriber_id=subscriber)
        )
        self._delete(other)
        return names

    # -- everything that is held

    def mail_names(self, subscriber: int) -> list[str]:
        of_notices = self._connection.scalars(select(notices.c.id).where(notices.c.subscriber_id == subscriber))
        places = latest_places(self._connection, subscriber, _EVERY)
        return [*(name_of(*at) for at in places), *(f"n.{id}" for id in of_notices)]

    def rows_of(self, subscriber: int) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        found: dict[str, Sequence[Mapping[str, Any]]] = {}
        for table, column in (*_whole(), (suppressions, "subscriber_id"), (data_requests, "subscriber_id")):
            rows = self._connection.execute(select(table).where(table.c[column] == subscriber)).mappings()
            if told := [_plain(dict(row)) for row in rows]:
                found[table.name] = told
        return found

    def erase(self, subscriber: int, reason: str, now: datetime) -> bool:
        key = self._connection.scalar(select(people.c.address_key).where(people.c.id == subscriber).with_for_update())
        if key is None:
            return False
        self._delete(subscriber)
        add_suppression(self._connection, self._hashes, key, reason, now, None)
        return True

    def _delete(self, subscriber: int) -> None:
        """Every row about a person, in every table there is."""
        lite = self._connection.dialect.name == "sqlite"
        if lite:  # what is deleted is overwritten in the file, too
            self._connection.exec_driver_sql("PRAGMA secure_delete = ON").close()
        self._make_nobodys(subscriber)
        for table, column in _whole():
            self._connection.execute(delete(table).where(table.c[column] == subscriber))
        s = suppressions.c
        self._connection.execute(update(suppressions).where(s.subscriber_id == subscriber).values(subscriber_id=None))
        if lite:
            self._connection.exec_driver_sql("PRAGMA secure_delete = OFF").close()

    def _make_nobodys(self, subscriber: int) -> None:
        """A mailing's numbers stay whole; nothing says any more that this person was in it."""
        places = latest_places(self._connection, subscriber, _EVERY)
        d, e = deliveries.c, delivery_exceptions.c
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            of_them = tuple_(d.mailing_id, d.chunk, d.place).in_(some)
            self._connection.execute(update(deliveries).where(of_them).values(subscriber_id=NOBODY))
            excepted = tuple_(e.mailing_id, e.chunk, e.place).in_(some)
            # The server's words may be about the person.
            self._connection.execute(update(delivery_exceptions).where(excepted, e.code != "").values(code="erased"))
        forget_member(self._connection, subscriber)


def _whole() -> list[tuple[Table, str]]:
    """(table, column of the person's number) of each table whose rows are people's own, in the order to delete."""
    found = [
        (table, "subscriber_id")
        for table in reversed(metadata.sorted_tables)
        if "subscriber_id" in table.c and table.name not in _APART
    ]
    return [*found, (subscribers, "id"), (people, "id")]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in row.items()
        if name not in mask_columns and value is not None
    }


def _request(row: Row[Any]) -> DataRequest:
    return DataRequest(
        id=row.id,
        subscriber=row.subscriber_id,
        kind=RequestKind(row.kind),
        state=RequestState(row.state),
        created_at=row.created_at,
        settled_at=row.settled_at,
        by=row.asked_by,
        traces=tuple(row.traces),
    )
