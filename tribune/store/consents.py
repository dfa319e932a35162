"""Queries of consent records. Implements tribune.ports.consents.Consents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, ConsentText
from tribune.store.bulk import insert_rows
from tribune.store.tables import consent_texts, consents, instant_text

_READ_AT_ONCE = 5_000
_c = consents.c
_COLUMNS = (
    *("subscriber_id", "act", "at", "source", "agreed"),
    *("text_version", "network", "acted_by", "basis"),
)


class SqlConsents:
    """Named queries over two tables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, records: Sequence[ConsentRecord]) -> None:
        insert_rows(
            self._connection,
            consents,
            _COLUMNS,
            (
                (
                    *(r.subscriber, r.act.value, instant_text(r.at), r.source.value, json.dumps(dict(r.agreed))),
                    *(r.text_version, r.network, r.by, r.basis[:300]),
                )
                for r in records
            ),
        )

    def of(self, subscriber: int) -> list[ConsentRecord]:
        rows = self._connection.execute(select(consents).where(_c.subscriber_id == subscriber).order_by(_c.at, _c.id))
        return [_record(row) for row in rows]

    def export(self) -> Iterator[ConsentRecord]:
        after = 0
        while True:
            rows = self._connection.execute(
                select(consents).where(_c.id > after).order_by(_c.id).limit(_READ_AT_ONCE)
            ).all()
            if not rows:
                return
            yield from map(_record, rows)
            after = rows[-1].id

    def keep_text(self, text: ConsentText, now: datetime) -> None:
        into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(consent_texts)
        self._connection.execute(
            into.on_conflict_do_nothing(),
            {"version": text.version, "locale": text.locale, "words": text.words, "since": now},
        )

    def text(self, version: str) -> ConsentText | None:
        row = self._connection.execute(select(consent_texts).where(consent_texts.c.version == version)).one_or_none()
        return ConsentText(row.locale, row.words) if row else None

    def forget_networks(self, before: datetime, most: int) -> int:
        old = select(_c.id).where(_c.network != "", _c.at < before).order_by(_c.at).limit(most)
        return self._connection.execute(update(consents).where(_c.id.in_(old)).values(network="")).rowcount


def _record(row: Row[Any]) -> ConsentRecord:
    return ConsentRecord(
        subscriber=row.subscriber_id,
        act=ConsentAct(row.act),
        at=row.at,
        source=ConsentSource(row.source),
        agreed=row.agreed,
        text_version=row.text_version,
        network=row.network,
        by=row.acted_by,
        basis=row.basis,
    )
