"""The store: an engine, and units of work declared read or write (decisions.md, 23)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tribune.domain.addresses import SuppressionHash
from tribune.domain.errors import ConfigurationError
from tribune.ports.clock import Clock, SystemClock
from tribune.ports.log import Outbox
from tribune.ports.store import PARTS_OF
from tribune.store.postgres import Options, open_postgres, take_lock
from tribune.store.sqlite import open_sqlite
from tribune.store.suppressions import FindKey, ListKey, no_key

if TYPE_CHECKING:
    from tribune.store.ageing import SqlAgeing
    from tribune.store.api_tokens import SqlApiTokens
    from tribune.store.archive import SqlArchive
    from tribune.store.attention import SqlAttention
    from tribune.store.audience import SqlAudience
    from tribune.store.audit import SqlAudit
    from tribune.store.campaigns import SqlCampaigns
    from tribune.store.cancelling import SqlCancelling
    from tribune.store.catalogue import SqlCatalogue
    from tribune.store.consents import SqlConsents
    from tribune.store.data_requests import SqlDataRequests
    from tribune.store.idempotency import SqlIdempotency
    from tribune.store.imports import SqlImports
    from tribune.store.inbox import SqlInbox
    from tribune.store.ledger import SqlLedger
    from tribune.store.newcomers import SqlNewcomers
    from tribune.store.notices import SqlNotices
    from tribune.store.people import SqlPeople
    from tribune.store.planning import SqlPlanning
    from tribune.store.quotas import SqlQuotas
    from tribune.store.schedules import SqlSchedules
    from tribune.store.segments import SqlSegments
    from tribune.store.sign_ups import SqlSignUps
    from tribune.store.sources import SqlSources
    from tribune.store.staff import SqlStaff
    from tribune.store.staff_sessions import SqlStaffSessions
    from tribune.store.stories import SqlStories
    from tribune.store.throttles import SqlThrottles

MakeOutbox = Callable[[Connection, Clock], Outbox]
"""Where a transaction's events go. In the embedded log, adding to the outbox is the append (decisions.md, 1)."""

_ALLOWED = "use sqlite:///folder/tribune.sqlite3 or postgresql://user@host/database"


def open_engine(url: str, options: Options | None = None) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://...`. Nothing connects yet.

    Raises ConfigurationError for others.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError(f"[store] url: this is not a database's address; {_ALLOWED}") from None
    if parsed.drivername == "sqlite":
        return open_sqlite(parsed, (options or Options()).lock_timeout)
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return open_postgres(parsed, options or Options())
    raise ConfigurationError(f"[store] url: {parsed.drivername} is not supported; {_ALLOWED}")


def shown_url(url: str) -> str:
    """The address as it may be shown: without password, which may also stand in the query."""
    parsed = make_url(url)
    return parsed.difference_update_query(["password", "sslpassword"]).render_as_string(hide_password=True)


_DATABASE_TIME = select(func.clock_timestamp())
_monotonic = SystemClock().monotonic


class SqlTransaction:
    """A unit of work over one connection; implements tribune.ports.store.Transaction.

    Areas are built on first use. `connection` is for the store's and the log's own modules only.
    """

    def __init__(self, connection: Connection, clock: Clock, make_outbox: MakeOutbox, list_key: ListKey) -> None:
        self.connection = connection
        self.clock = clock
        self._make_outbox = make_outbox
        self._list_key = list_key
        self._asked: tuple[datetime, float] | None = None

    def lock(self, name: str) -> None:
        """Wait for the lock of this name, and hold it to the end. On SQLite a write has the one lock there is."""
        if self.connection.dialect.name == "postgresql":
            for part in PARTS_OF.get(name, (name,)):
                take_lock(self.connection, part)

    def now(self) -> datetime:
        """The database's time where several machines share one (decisions.md, 19), moved as the clock port is.

        The database is asked once in a transaction; from then on the machine's monotonic clock counts."""
        offset = getattr(self.clock, "offset", None)
        if offset is None or self.connection.dialect.name == "sqlite":
            return self.clock.now()
        if self._asked is None:
            told: datetime = self.connection.execute(_DATABASE_TIME).scalar_one()
            self._asked = told.astimezone(UTC), _monotonic()
        moved: timedelta = offset
        told, at = self._asked
        return told + timedelta(seconds=_monotonic() - at) + moved

    def _hashes(self) -> SuppressionHash:
        """What makes the suppression list's hashes. Raises ConfigurationError where it was made with another key."""
        return self._list_key.of(self.connection)

    @cached_property
    def catalogue(self) -> SqlCatalogue:
        from tribune.store.catalogue import SqlCatalogue

        return SqlCatalogue(self.connection)

    @cached_property
    def archive(self) -> SqlArchive:
        from tribune.store.archive import SqlArchive

        return SqlArchive(self.connection)

    @cached_property
    def audience(self) -> SqlAudience:
        from tribune.store.audience import SqlAudience

        return SqlAudience(self.connection, self._hashes)

    @cached_property
    def data_requests(self) -> SqlDataRequests:
        from tribune.store.data_requests import SqlDataRequests

        return SqlDataRequests(self.connection, self._hashes)

    @cached_property
    def consents(self) -> SqlConsents:
        from tribune.store.consents import SqlConsents

        return SqlConsents(self.connection)

    @cached_property
    def imports(self) -> SqlImports:
        from tribune.store.imports import SqlImports

        return SqlImports(self.connection)

    @cached_property
    def newcomers(self) -> SqlNewcomers:
        from tribune.store.newcomers import SqlNewcomers

        return SqlNewcomers(self.connection, self._hashes)

    @cached_property
    def sign_ups(self) -> SqlSignUps:
        from tribune.store.sign_ups import SqlSignUps

        return SqlSignUps(self.connection)

    @cached_property
    def quotas(self) -> SqlQuotas:
        from tribune.store.quotas import SqlQuotas

        return SqlQuotas(self.connection)

    @cached_property
    def audit(self) -> SqlAudit:
        from tribune.store.audit import SqlAudit

        return SqlAudit(self.connection)

    @cached_property
    def people(self) -> SqlPeople:
        from tribune.store.people import SqlPeople

        return SqlPeople(self.connection, self._hashes)

    @cached_property
    def planning(self) -> SqlPlanning:
        from tribune.store.planning import SqlPlanning

        return SqlPlanning(self.connection)

    @cached_property
    def ledger(self) -> SqlLedger:
        from tribune.store.ledger import SqlLedger

        return SqlLedger(self.connection, self._hashes)

    @cached_property
    def throttles(self) -> SqlThrottles:
        from tribune.store.throttles import SqlThrottles

        return SqlThrottles(self.connection)

    @cached_property
    def campaigns(self) -> SqlCampaigns:
        from tribune.store.campaigns import SqlCampaigns

        return SqlCampaigns(self.connection)

    @cached_property
    def attention(self) -> SqlAttention:
        from tribune.store.attention import SqlAttention

        return SqlAttention(self.connection)

    @cached_property
    def cancelling(self) -> SqlCancelling:
        from tribune.store.cancelling import SqlCancelling

        return SqlCancelling(self.connection)

    @cached_property
    def ageing(self) -> SqlAgeing:
        from tribune.store.ageing import SqlAgeing

        return SqlAgeing(self.connection)

    @cached_property
    def notices(self) -> SqlNotices:
        from tribune.store.notices import SqlNotices

        return SqlNotices(self.connection)

    @cached_property
    def schedules(self) -> SqlSchedules:
        from tribune.store.schedules import SqlSchedules

        return SqlSchedules(self.connection)

    @cached_property
    def segments(self) -> SqlSegments:
        from tribune.store.segments import SqlSegments

        return SqlSegments(self.connection)

    @cached_property
    def sources(self) -> SqlSources:
        from tribune.store.sources import SqlSources

        return SqlSources(self.connection)

    @cached_property
    def stories(self) -> SqlStories:
        from tribune.store.stories import SqlStories

        return SqlStories(self.connection)

    @cached_property
    def staff(self) -> SqlStaff:
        from tribune.store.staff import SqlStaff

        return SqlStaff(self.connection)

    @cached_property
    def staff_sessions(self) -> SqlStaffSessions:
        from tribune.store.staff_sessions import SqlStaffSessions

        return SqlStaffSessions(self.connection)

    @cached_property
    def api_tokens(self) -> SqlApiTokens:
        from tribune.store.api_tokens import SqlApiTokens

        return SqlApiTokens(self.connection)

    @cached_property
    def inbox(self) -> SqlInbox:
        from tribune.store.inbox import SqlInbox

        return SqlInbox(self.connection)

    @cached_property
    def idempotency(self) -> SqlIdempotency:
        from tribune.store.idempotency import SqlIdempotency

        return SqlIdempotency(self.connection)

    @cached_property
    def outbox(self) -> Outbox:
        return self._make_outbox(self.connection, self.clock)


_CLASHES = frozenset({"23505", "40P01"})
"""A name that is there already; two that waited for each other, of which the server ended one."""


class SqlStore:
    """Opens units of work; implements tribune.ports.store.Store.

    A read sees one snapshot. A write has, on SQLite, the write lock from its begin; on PostgreSQL what it locks itself
    (rows, and names with `tx.lock`).
    """

    def __init__(self, engine: Engine, clock: Clock, make_outbox: MakeOutbox, find_key: FindKey = no_key) -> None:
        self.engine = engine
        self.clock = clock
        self._make_outbox = make_outbox
        self._list_key = ListKey(find_key)
        self.waits = engine.dialect.name != "sqlite"
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = engine.execution_options(**snapshot) if engine.dialect.name == "postgresql" else engine

    @contextmanager
    def read(self) -> Iterator[SqlTransaction]:
        """A snapshot to read from."""
        with self._reading.connect() as connection, connection.begin():
            yield SqlTransaction(connection, self.clock, self._make_outbox, self._list_key)

    @contextmanager
    def write(self) -> Iterator[SqlTransaction]:
        """State and events together: all is committed at the end, or nothing."""
        with self.engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
            yield SqlTransaction(connection, self.clock, self._make_outbox, self._list_key)

    def clashed(self, error: Exception) -> bool:
        """Whether another unit of work was in the way, and is no more. On SQLite there is only one at a time."""
        return getattr(getattr(error, "orig", error), "sqlstate", "") in _CLASHES

    def clear_log(self) -> None:
        """SQLite keeps what was written in a file beside its own until that is begun anew. PostgreSQL's log is the
        server's, which recycles it."""
        if not self.waits:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()
