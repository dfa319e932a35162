"""The outbox beside Kafka: events saved in the transaction of the state that they tell of, until the relay moves them.

Two relays may run; one works. It holds a lock of its session, so that another takes over as soon as the database has
noticed that its connection is gone. Everything it does goes over that very connection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, delete, func, insert, literal, select, text, update

from tribune.domain.errors import InvalidInput
from tribune.domain.events import TYPES, CloudEvent
from tribune.ports.clock import Clock
from tribune.ports.relay import OutboxState, Outgoing
from tribune.services.events.event_codec import encode
from tribune.store.postgres import lock_key
from tribune.store.tables import outbox

ASIDE = "aside:"
"""Stands before the topic of a row that can never be published. To try it again: take the word away."""

_o = outbox.c
_WAITING = ~_o.topic.startswith(ASIDE, autoescape=True)
_TRY = text("SELECT pg_try_advisory_lock(:key)")
_GIVE_BACK = text("SELECT pg_advisory_unlock(:key)")
_KEY = lock_key("relay")


class SqlOutbox:
    """Adds in the caller's transaction. Implements tribune.ports.log.Outbox."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def add(self, *events: CloudEvent) -> None:
        """Add events for the topics of their types. Raises InvalidInput for a type that no topic carries."""
        rows = []
        now = self._clock.now()
        for event in events:
            told = TYPES.get(event.type)
            if told is None:
                raise InvalidInput(f"No topic carries events of type {event.type!r}.", hint="See docs/events.md.")
            rows.append({"topic": told.topic, "key": event.key, "value": encode(event), "added_at": now})
        if rows:
            self._connection.execute(insert(outbox), rows)


class SqlOutboxQueue:
    """The outbox for relays, on PostgreSQL. Implements tribune.ports.relay.OutboxQueue."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def hold(self) -> Iterator[_Held | None]:
        """Hold the outbox; None while another relay does. Raises the database's own errors."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            mine = bool(connection.scalar(_TRY, {"key": _KEY}))
            try:
                yield _Held(connection) if mine else None
            finally:
                if mine:
                    with suppress(Exception):  # a connection that is lost has given the lock back
                        connection.execute(_GIVE_BACK, {"key": _KEY})
        except BaseException:
            connection.invalidate()  # whatever it was: no lock may go back into the pool
            raise
        finally:
            connection.close()

    def state(self) -> OutboxState:
        """How much waits. Reads the whole outbox, which is all but empty while a relay works."""
        asked = select(
            func.count().filter(_WAITING),
            func.min(_o.added_at).filter(_WAITING),
            func.count().filter(~_WAITING),
        ).select_from(outbox)
        with self._engine.connect() as connection, connection.begin():
            waiting, oldest, aside = connection.execute(asked).one()
        return OutboxState(waiting, oldest, aside)


class _Held:
    """Implements tribune.ports.relay.HeldOutbox."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def first(self, limit: int, passing_over: Collection[str] = ()) -> Sequence[Outgoing]:
        asked = select(_o.id, _o.topic, _o.key, _o.value).where(_WAITING).order_by(_o.id).limit(limit)
        if passing_over:
            asked = asked.where(_o.topic.not_in(list(passing_over)))
        return [Outgoing(row.id, row.topic, row.key, bytes(row.value)) for row in self._connection.execute(asked)]

    def delete(self, ids: Collection[int]) -> None:
        if ids:
            self._connection.execute(delete(outbox).where(_o.id.in_(list(ids))))

    def set_aside(self, ids: Collection[int]) -> None:
        if ids:
            changed = update(outbox).where(_o.id.in_(list(ids))).values(topic=literal(ASIDE) + _o.topic)
            self._connection.execute(changed)
