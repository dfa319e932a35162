"""The inbox in the store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, text

from tribune.store.postgres import take_lock
from tribune.store.tables import inbox

_SEEN = select(inbox.c.event_id).where(
    *(inbox.c[name] == bindparam(name) for name in ("consumer_group", "source", "event_id"))
)
_REMEMBER = text(
    "INSERT INTO inbox (consumer_group, source, event_id, handled_at)"
    " VALUES (:consumer_group, :source, :event_id, :handled_at) ON CONFLICT DO NOTHING"
).bindparams(bindparam("handled_at", type_=inbox.c.handled_at.type))
"""As text, because Core spells ON CONFLICT once per database; SQLite and PostgreSQL read it alike."""


class SqlInbox:
    """Implements tribune.ports.inbox.Inbox."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seen(self, group: str, source: str, event_id: str) -> bool:
        """Whether the group has handled the event. Another member that handles it right now is waited for."""
        if self._connection.dialect.name == "postgresql":
            take_lock(self._connection, f"inbox:{group}:{source}:{event_id}")
        row = {"consumer_group": group, "source": source, "event_id": event_id}
        return self._connection.execute(_SEEN, row).first() is not None

    def remember(self, group: str, source: str, event_id: str, now: datetime) -> None:
        """The group has handled the event. A second time is no fault: a projection handles a replay again."""
        row = {"consumer_group": group, "source": source, "event_id": event_id, "handled_at": now}
        self._connection.execute(_REMEMBER, row)

    def forget_before(self, instant: datetime) -> int:
        """Forget what was handled before `instant`; how many rows. Keep at least the longest retention of a topic."""
        return self._connection.execute(delete(inbox).where(inbox.c.handled_at < instant)).rowcount
