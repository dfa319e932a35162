"""What services told, for tests of the store: read from the log's table or the outbox's, whichever the store has."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select

from tribune.bootstrap import Application
from tribune.domain.events import CloudEvent
from tribune.services.events.event_codec import decode
from tribune.store.tables import log_messages, outbox


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
