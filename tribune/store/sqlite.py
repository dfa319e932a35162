"""SQLite: an engine whose connections are kept and whose writes begin with the write lock."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

BUSY_SECONDS = 30

SYNCHRONOUS = "FULL"
"""What is committed is on the disk. (The tests do not wait for it, but in processes of their own.)"""


def open_sqlite(url: URL) -> Engine:
    """An engine for a file; its folder is made. Nothing connects yet."""
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
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
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
        write = connection.get_execution_options().get("tribune_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
