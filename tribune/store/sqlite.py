"""SQLite: an engine whose connections are kept and whose writes begin with the write lock."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

BUSY_SECONDS = 30.0

ASK_AGAIN_SECONDS = 0.002
"""SQLite itself asks for the write lock ten times a second at last, and has no queue: whoever writes one transaction
after another (an import) would keep everybody else out for seconds. Asked so often, the next pause is enough."""

SYNCHRONOUS = "FULL"
"""What is committed is on the disk. (The tests do not wait for it, but in processes of their own.)"""


def open_sqlite(url: URL, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine for a file; its folder is made. Nothing connects yet. `busy_seconds`: how long a transaction waits for
    another one."""
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # Connections are kept: when the last one closes, SQLite copies its log into the file and waits for the disk.
    # One thread at a time has a connection, so it may be another one than made it.
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=-1,
        hide_parameters=True,  # they may be names and addresses, and errors are logged
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: Python's driver would begin too late
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={SYNCHRONOUS}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA temp_store=MEMORY")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("tribune_write", False):
            _begin_write(connection, busy_seconds)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_write(connection: Connection, seconds: float) -> None:
    own: Any = connection.connection.driver_connection
    until = time.monotonic() + seconds
    own.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < until:
            try:
                own.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
                time.sleep(ASK_AGAIN_SECONDS)
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # what it fails with is told as of any other statement
    finally:
        own.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")
