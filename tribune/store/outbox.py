"""The outbox beside Kafka: events saved in the transaction of the state that they tell of, until the relay moves them.

Two relays may run; one works. It holds a lock of its session, so that another takes over as soon as the database has
noticed that its connection is gone. Everything it does goes over that very connection, which the database ends when
nothing is heard of it: of a process that hangs, or of a machine that is no more.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, delete, func, literal, select, text, update

from tribune.domain.errors import InvalidInput
from tribune.domain.events import TYPES, CloudEvent
from tribune.ports.clock import Clock
from tribune.ports.relay import OutboxState, Outgoing, SetAside
from tribune.services.events.event_codec import encode
from tribune.store.bulk import insert_rows
from tribune.store.postgres import driver, lock_key
from tribune.store.tables import instant_text, outbox

ASIDE = "aside:"
"""Stands before the topic of a row that could not be published. `put_back` takes the word away."""

_o = outbox.c
_IS_ASIDE = _o.topic.startswith(ASIDE, autoescape=True)
_WAITING = ~_IS_ASIDE
_FORMER_TOPIC = func.substr(_o.topic, len(ASIDE) + 1)
SILENCE_SECONDS = 10.0
"""After so long without a sign of life of the relay that works, another may take over."""

# Lock and time-outs in one statement: a process may be stopped between two.
_TRY = text(
    "SELECT CASE WHEN pg_try_advisory_lock(:key) THEN concat("
    "set_config('idle_session_timeout', :silence, false), set_config('tcp_user_timeout', :silence, false), "
    "set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false), "
    "set_config('tcp_keepalives_count', '3', false)) IS NOT NULL ELSE false END"
)
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
        now = instant_text(self._clock.now())
        for event in events:
            told = TYPES.get(event.type)
            if told is None:
                raise InvalidInput(f"No topic carries events of type {event.type!r}.", hint="See docs/events.md.")
            rows.append((told.topic, event.key, encode(event), now))
        insert_rows(self._connection, outbox, ["topic", "key", "value", "added_at"], rows)


class SqlOutboxQueue:
    """The outbox for relays, on PostgreSQL. Implements tribune.ports.relay.OutboxQueue."""

    def __init__(self, engine: Engine, silence: float = SILENCE_SECONDS) -> None:
        self._engine = engine
        self._silence = silence

    @contextmanager
    def hold(self) -> Iterator[_Held | None]:
        """Hold the outbox; None while another relay does. Raises the database's own errors."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            if connection.scalar(_TRY, {"key": _KEY, "silence": f"{round(self._silence * 1000)}"}):
                with _signs_of_life(connection, self._silence / 5):
                    yield _Held(connection)
                connection.execute(_GIVE_BACK, {"key": _KEY})
                connection.detach()  # with these time-outs it is of no use in the pool
            else:
                yield None
        except BaseException:
            if not connection.invalidated:
                connection.invalidate()  # ends the session, and with it the lock: none may go back into the pool
            raise
        finally:
            connection.close()

    def state(self) -> OutboxState:
        """How much waits. Reads the whole outbox, which is all but empty while a relay works."""
        asked = select(
            func.count().filter(_WAITING),
            func.min(_o.added_at).filter(_WAITING),
            func.count().filter(_IS_ASIDE),
        ).select_from(outbox)
        with self._engine.connect() as connection, connection.begin():
            waiting, oldest, aside = connection.execute(asked).one()
        return OutboxState(waiting, oldest, aside)

    def aside(self) -> Sequence[SetAside]:
        """What was set aside, in the order in which it was added."""
        asked = select(_o.id, _FORMER_TOPIC.label("of"), _o.key, _o.value, _o.added_at).where(_IS_ASIDE).order_by(_o.id)
        with self._engine.connect() as connection, connection.begin():
            rows = connection.execute(asked).all()
        return [SetAside(row.id, row.of, row.key, bytes(row.value), row.added_at) for row in rows]

    def put_back(self, ids: Collection[int]) -> int:
        """Let these be published after all; how many were set aside."""
        if not ids:
            return 0
        change = update(outbox).where(_o.id.in_(list(ids)), _IS_ASIDE).values(topic=_FORMER_TOPIC)
        with self._engine.begin() as connection:
            return connection.execute(change).rowcount

    def discard(self, ids: Collection[int]) -> int:
        """Throw away what was set aside of these; how many."""
        if not ids:
            return 0
        with self._engine.begin() as connection:
            return connection.execute(delete(outbox).where(_o.id.in_(list(ids)), _IS_ASIDE)).rowcount


@contextmanager
def _signs_of_life(connection: Connection, every: float) -> Iterator[None]:
    """Speak to the database from time to time, for publishing may take longer than the session may be silent."""
    session, over = driver(connection), threading.Event()

    def speak() -> None:
        with suppress(Exception):  # whoever uses the connection next meets the same, and tells of it
            while not over.wait(every):
                session.execute("SELECT")

    speaker = threading.Thread(target=speak, name="relay-signs-of-life", daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join(1.0)


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
