"""Keys of the API's requests in SQL. Implements tribune.ports.idempotency.Idempotency."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.answers import Answer, KeptKey, KeyedRequest
from tribune.store.tables import idempotency_keys

_k = idempotency_keys.c


class SqlIdempotency:
    """Rows of the table `idempotency_keys`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, asked: KeyedRequest, now: datetime, *, abandoned_before: datetime) -> KeptKey | None:
        into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(idempotency_keys)
        # PostgreSQL waits here for a transaction that has put the same key in; SQLite has one writer at a time.
        taken = self._connection.execute(
            into.values(
                token_id=asked.token, key=asked.key, fingerprint=asked.fingerprint, taken_at=now, headers={}, body=""
            )
            .on_conflict_do_nothing()
            .returning(_k.token_id)
        ).first()
        if taken is not None:
            return None
        over = update(idempotency_keys).where(_of(asked), _k.status.is_(None), _k.taken_at < abandoned_before)
        if self._connection.execute(over.values(fingerprint=asked.fingerprint, taken_at=now)).rowcount:
            return None
        row = self._connection.execute(select(idempotency_keys).where(_of(asked))).first()
        if row is None:  # let go of at this moment
            return self.take(asked, now, abandoned_before=abandoned_before)
        answer = Answer(row.status, row.body, row.headers) if row.status is not None else None
        return KeptKey(row.fingerprint, row.taken_at, answer)

    def answered(self, asked: KeyedRequest, answer: Answer) -> None:
        self._connection.execute(
            update(idempotency_keys)
            .where(_of(asked))
            .values(status=answer.status, headers=dict(answer.headers), body=answer.body)
        )

    def let_go(self, asked: KeyedRequest) -> None:
        self._connection.execute(delete(idempotency_keys).where(_of(asked), _k.status.is_(None)))

    def forget_before(self, instant: datetime) -> int:
        return self._connection.execute(delete(idempotency_keys).where(_k.taken_at < instant)).rowcount


def _of(asked: KeyedRequest) -> ColumnElement[bool]:
    return and_(_k.token_id == asked.token, _k.key == asked.key)
