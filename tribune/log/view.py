"""Looking into the embedded log. Implements tribune.ports.log_view.LogView."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Engine, LargeBinary, cast, func, literal, select

from tribune.ports.log import Message, Position
from tribune.store.tables import log_messages

_m = log_messages.c


class EmbeddedView:
    """Reads the log's table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(
        self, topics: Collection[str], *, limit: int, containing: str = "", depth: int = 20_000
    ) -> Sequence[Message]:
        """The newest messages, the newest first."""
        found: list[Message] = []
        with self._engine.connect() as connection, connection.begin():
            for topic in topics:
                recent = (
                    select(log_messages)
                    .where(_m.topic == topic)
                    .order_by(_m.published_at.desc())
                    .limit(depth if containing else limit)
                    .subquery()
                )
                asked = select(recent).order_by(recent.c.published_at.desc(), recent.c.offset.desc()).limit(limit)
                if containing:
                    needle = cast(literal(containing.encode("utf-8", "replace"), LargeBinary), LargeBinary)
                    asked = asked.where(func.instr(recent.c.value, needle) > 0)
                found += [
                    Message(Position(row.topic, row.partition, row.offset), row.key, row.value, row.published_at)
                    for row in connection.execute(asked)
                ]
        found.sort(key=lambda m: (m.published_at, m.position.offset, m.position), reverse=True)
        return found[:limit]
