"""What says that the store is away or takes no writes, and what may be the fault of what was asked."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from tribune.domain.errors import BrokenEvent
from tribune.store.away import store_away


@pytest.mark.parametrize(
    "error",
    [
        errors.DiskFull("could not extend file"),
        errors.OutOfMemory(""),
        errors.TooManyConnections(""),
        errors.AdminShutdown("terminating connection"),
        errors.CrashShutdown(""),
        errors.CannotConnectNow("the database system is starting up"),
        errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
        errors.FeatureNotSupported("cannot set transaction read-write mode during recovery"),
        errors.ConnectionFailure(""),
        psycopg.OperationalError("connection to server was lost"),
    ],
)
def test_of_postgresql(error: psycopg.Error) -> None:
    assert store_away(error)
    assert store_away(DBAPIError("INSERT", {}, error))


@pytest.mark.parametrize(
    "error",
    [
        errors.QueryCanceled("statement timeout"),
        errors.LockNotAvailable(""),
        errors.DeadlockDetected(""),
        errors.SerializationFailure(""),
        errors.UniqueViolation(""),
        errors.NotNullViolation(""),
        errors.UndefinedTable(""),
        errors.FeatureNotSupported("FOR UPDATE is not allowed with DISTINCT clause"),
        psycopg.ProgrammingError("no such placeholder"),
        psycopg.DataError(""),
        ValueError(),
        BrokenEvent("is broken"),
        ConnectionError("a mail server"),
    ],
)
def test_what_may_be_the_fault_of_what_was_asked(error: Exception) -> None:
    assert not store_away(error)
    assert not store_away(DBAPIError("INSERT", {}, error))


def test_none_of_the_connections_is_free_or_one_broke() -> None:
    assert store_away(NoneFree())
    assert store_away(DBAPIError("SELECT", {}, Exception("gone"), connection_invalidated=True))


def told(connection: sqlite3.Connection, statement: str) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as raised:
        connection.execute(statement)
    return raised.value


def test_of_sqlite(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite3"
    mine = sqlite3.connect(file, isolation_level=None, timeout=0)
    mine.execute("CREATE TABLE t (a INTEGER UNIQUE NOT NULL, b BLOB)")
    other = sqlite3.connect(file, isolation_level=None, timeout=0)
    other.execute("BEGIN IMMEDIATE")
    assert store_away(told(mine, "BEGIN IMMEDIATE")), "locked"
    other.execute("ROLLBACK")
    mine.execute("PRAGMA query_only=ON")
    assert store_away(told(mine, "INSERT INTO t VALUES (1, NULL)")), "read-only"
    mine.execute("PRAGMA query_only=OFF")
    mine.execute("PRAGMA max_page_count=1")
    assert store_away(told(mine, "INSERT INTO t VALUES (1, zeroblob(100000))")), "full"
    assert not store_away(told(mine, "INSERT INTO t VALUES (NULL, NULL)"))
    assert not store_away(told(mine, "SELECT nothing FROM nowhere"))
    for one in (mine, other):
        one.close()
    missing = tmp_path / "no folder" / "x.sqlite3"
    with pytest.raises(sqlite3.OperationalError) as raised:
        sqlite3.connect(missing)
    assert store_away(raised.value)
