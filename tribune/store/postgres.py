"""PostgreSQL through psycopg 3: an engine whose pool survives a restart of the server, and named locks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, text

if TYPE_CHECKING:
    import psycopg

IDLE_IN_TRANSACTION_SECONDS = 300
"""A process that was stopped in the middle of a transaction gives its locks back after so long."""

_PREPARE_AFTER = 5
_HABITS = ("random_page_cost=1.1", "jit=off", "timezone=UTC", "client_encoding=UTF8")
"""What is asked often is read through indexes and stands in memory or on a solid-state disk; and compiling a statement
takes longer than most of ours do."""


@dataclass(frozen=True, slots=True)
class Options:
    """How connections are made. `prepared_statements` off: for a pooler that mixes sessions."""

    pool_size: int = 5
    statement_timeout: float = 60.0
    lock_timeout: float = 30.0
    application_name: str = "tribune"
    prepared_statements: bool = True


def open_postgres(url: URL, options: Options) -> Engine:
    """An engine. Nothing connects yet. Connections that died are noticed when they are taken from the pool."""
    timeouts = {
        "statement_timeout": options.statement_timeout,
        "lock_timeout": options.lock_timeout,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_SECONDS,
    }
    if isinstance(secret := url.query.get("password"), str):  # where nobody shows it
        url = url.difference_update_query(["password"]).set(password=secret)
    of_theirs = url.query.get("options", ())
    told = [of_theirs] if isinstance(of_theirs, str) else [*of_theirs]
    told += [f"-c {name}={round(seconds * 1000)}" for name, seconds in timeouts.items()]
    told += [f"-c {one}" for one in _HABITS]
    return create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        pool_size=options.pool_size,
        max_overflow=options.pool_size,
        pool_pre_ping=True,
        hide_parameters=True,  # they may be names and addresses, and errors are logged
        isolation_level="READ COMMITTED",
        connect_args={
            "application_name": options.application_name,
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "prepare_threshold": _PREPARE_AFTER if options.prepared_statements else None,
            "options": " ".join(told),
        },
    )


def take_lock(connection: Connection, name: str) -> None:
    """Wait for the lock of this name, and hold it until the transaction ends."""
    connection.execute(_LOCK, {"key": lock_key(name)})


def driver(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's own connection, for what SQLAlchemy has no words for."""
    own = connection.connection.driver_connection
    assert own is not None  # noqa: S101 - it is open
    return own  # type: ignore[no-any-return]  # a protocol of all drivers


_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def lock_key(name: str) -> int:
    """The number of a lock: PostgreSQL's advisory locks have 64 bits for a name."""
    return int.from_bytes(hashlib.sha256(f"tribune:{name}".encode()).digest()[:8], "big", signed=True)


_TEXTS = text(
    "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation l ON l.oid = a.attcollation"
    " WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0"
    " AND NOT a.attisdropped AND l.collname <> 'C' ORDER BY 1, 2"
)


def order_by_bytes(connection: Connection) -> None:
    """Give every column of text the collation "C", whatever the database's own is (decisions.md, 23).

    Run after the migrations: a column that has it is left alone.
    """
    by_table: dict[str, list[str]] = {}
    for table, column, type in connection.execute(_TEXTS):
        by_table.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE {type} COLLATE "C"')
    for table, changes in by_table.items():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" {", ".join(changes)}')
