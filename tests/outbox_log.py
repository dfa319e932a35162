"""What services told, for tests of the store: read from the log's table or the outbox's, whichever the store has."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, insert, select

from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput
from tribune.domain.events import TYPES, CloudEvent
from tribune.ports.clock import Clock
from tribune.services.events.event_codec import decode, encode
from tribune.store.tables import log_messages, outbox


class TableOutbox:
    """Events as rows of the table `outbox`. Implements tribune.ports.log.Outbox."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def add(self, *events: CloudEvent) -> None:
        """One row an event."""
        for event in events:
            if event.type not in TYPES:
                raise InvalidInput(f"No topic carries events of type {event.type!r}.")
        rows = [
            {
                "topic": TYPES[event.type].topic,
                "key": event.key,
                "value": encode(event),
                "added_at": self._clock.now(),
            }
            for event in events
        ]
        if rows:
            self._connection.execute(insert(outbox), rows)


def rows(connection: Connection, topic: str | None = None) -> list[tuple[str, bytes]]:
    """Key and value of the events of a topic, or of all, in order."""
    if connection.dialect.name == "postgresql":
        query = select(outbox.c.key, outbox.c.value).order_by(outbox.c.id)
        query = query.where(outbox.c.topic == topic) if topic else query
    else:
        held = log_messages.c
        query = select(held.key, held.value).order_by(held.published_at, held.partition, held.offset)
        query = query.where(held.topic == topic) if topic else query
    return [(row.key, row.value) for row in connection.execute(query)]


def told(app: Application, topic: str | None = None) -> list[dict[str, Any]]:
    """The same, as JSON."""
    with app.store.read() as tx:
        return [json.loads(value) for _, value in rows(tx.connection, topic)]


def events(app: Application, topic: str) -> list[CloudEvent]:
    """The same, decoded."""
    now = app.clock.now()
    with app.store.read() as tx:
        return [decode(value, key=key, received_at=now).event for key, value in rows(tx.connection, topic)]
