"""The store: an engine, and units of work declared read or write (decisions.md, 23)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from tribune.domain.errors import ConfigurationError
from tribune.ports.clock import Clock
from tribune.ports.log import Outbox

if TYPE_CHECKING:
    from tribune.store.audience import SqlAudience
    from tribune.store.cancelling import SqlCancelling
    from tribune.store.catalogue import SqlCatalogue
    from tribune.store.inbox import SqlInbox
    from tribune.store.ledger import SqlLedger
    from tribune.store.notices import SqlNotices
    from tribune.store.planning import SqlPlanning
    from tribune.store.schedules import SqlSchedules
    from tribune.store.sources import SqlSources
    from tribune.store.stories import SqlStories
    from tribune.store.throttles import SqlThrottles

MakeOutbox = Callable[[Connection, Clock], Outbox]
"""Where a transaction's events go. In the embedded log, adding to the outbox is the append (decisions.md, 1)."""

BUSY_SECONDS = 30


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///path`. Nothing connects yet. Other databases are refused with a clear word."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise ConfigurationError(
            f"[store] url: {parsed.get_backend_name()} is not supported yet; use sqlite:///folder/tribune.sqlite3"
        )
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    # Connections are kept: when the last one closes, SQLite copies its log into the file and waits for the disk.
    # One thread at a time has a connection, so it may be another one than made it.
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=-1,
        hide_parameters=True,  # they may be names and addresses, and errors are logged
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: Python's driver would begin too late
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA temp_store=MEMORY")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("tribune_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


class SqlTransaction:
    """A unit of work over one connection; implements tribune.ports.store.Transaction.

    Areas are built on first use. `connection` is for the store's and the log's own modules only.
    """

    def __init__(self, connection: Connection, clock: Clock, make_outbox: MakeOutbox) -> None:
        self.connection = connection
        self.clock = clock
        self._make_outbox = make_outbox

    def now(self) -> datetime:
        """All workers of a SQLite file share this machine's clock (ADR 13)."""
        return self.clock.now()

    @cached_property
    def catalogue(self) -> SqlCatalogue:
        from tribune.store.catalogue import SqlCatalogue

        return SqlCatalogue(self.connection)

    @cached_property
    def audience(self) -> SqlAudience:
        from tribune.store.audience import SqlAudience

        return SqlAudience(self.connection)

    @cached_property
    def planning(self) -> SqlPlanning:
        from tribune.store.planning import SqlPlanning

        return SqlPlanning(self.connection)

    @cached_property
    def ledger(self) -> SqlLedger:
        from tribune.store.ledger import SqlLedger

        return SqlLedger(self.connection)

    @cached_property
    def throttles(self) -> SqlThrottles:
        from tribune.store.throttles import SqlThrottles

        return SqlThrottles(self.connection)

    @cached_property
    def cancelling(self) -> SqlCancelling:
        from tribune.store.cancelling import SqlCancelling

        return SqlCancelling(self.connection)

    @cached_property
    def notices(self) -> SqlNotices:
        from tribune.store.notices import SqlNotices

        return SqlNotices(self.connection)

    @cached_property
    def schedules(self) -> SqlSchedules:
        from tribune.store.schedules import SqlSchedules

        return SqlSchedules(self.connection)

    @cached_property
    def sources(self) -> SqlSources:
        from tribune.store.sources import SqlSources

        return SqlSources(self.connection)

    @cached_property
    def stories(self) -> SqlStories:
        from tribune.store.stories import SqlStories

        return SqlStories(self.connection)

    @cached_property
    def inbox(self) -> SqlInbox:
        from tribune.store.inbox import SqlInbox

        return SqlInbox(self.connection)

    @cached_property
    def outbox(self) -> Outbox:
        return self._make_outbox(self.connection, self.clock)


class SqlStore:
    """Opens units of work; implements tribune.ports.store.Store. A write begins with the write lock."""

    def __init__(self, engine: Engine, clock: Clock, make_outbox: MakeOutbox) -> None:
        self.engine = engine
        self.clock = clock
        self._make_outbox = make_outbox

    @contextmanager
    def read(self) -> Iterator[SqlTransaction]:
        """A snapshot to read from."""
        with self.engine.connect() as connection, connection.begin():
            yield SqlTransaction(connection, self.clock, self._make_outbox)

    @contextmanager
    def write(self) -> Iterator[SqlTransaction]:
        """State and events together: all is committed at the end, or nothing."""
        with self.engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
            yield SqlTransaction(connection, self.clock, self._make_outbox)
