"""One PostgreSQL server for a test run, shared by its workers; an empty database for each test."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tools.postgres.server import NoPostgres, Server, binaries
from tribune.store.engine import open_engine
from tribune.store.migrate import migrate

TEMPLATE = "tribune_template"
_PREFIX = "tribune-pg-"
_numbers = count()


def folder_of_run(config: pytest.Config) -> Path:
    """Where this run's server is: named after the process that began the run, which its workers know too."""
    owner = getattr(config, "workerinput", {}).get("tribune_owner", os.getpid())
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{owner}"


def start(config: pytest.Config) -> Server:
    """The run's server, with the template made: started by the first who asks. Skips the test where there is none."""
    server = Server(folder_of_run(config))
    with (server.folder.parent / f"{server.folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not server.runs:
            remove_orphans()
            try:
                server.start(durable=False, settings=("max_connections=200", "shared_buffers=64MB"))
            except NoPostgres as error:
                pytest.skip(f"PostgreSQL: {error}")
            with administration(server) as connection:
                connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            engine = open_engine(server.url(TEMPLATE))
            migrate(engine)
            engine.dispose()
            with administration(server) as connection:
                connection.execute(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true")
    return server


def stop(config: pytest.Config) -> None:
    """End the run's server."""
    folder = folder_of_run(config)
    if folder.exists():
        Server(folder).remove()
    (folder.parent / f"{folder.name}.lock").unlink(missing_ok=True)


def remove_orphans() -> None:
    """End servers whose run was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}[0-9]*"):
        owner = folder.name.removeprefix(_PREFIX)
        if folder.is_dir() and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            Server(folder).remove()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def administration(server: Server) -> Iterator[psycopg.Connection]:
    """A connection that may make and drop databases."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


@contextmanager
def database(server: Server) -> Iterator[str]:
    """The address of a migrated, empty database: one that an earlier test of this process has left, emptied (a fifth of
    a copy's price), else a copy of the template."""
    name = _emptied(server) or _copied(server)
    try:
        yield server.url(name)
    finally:
        _left.append(name)


def _copied(server: Server) -> str:
    name = _name()
    with administration(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    if server not in _new:
        with psycopg.connect(server.url(name), autocommit=True) as connection:
            _new[server] = _New.of(connection)
    return name


def _emptied(server: Server) -> str | None:
    """A database that a test has left, as a new one would be, under another name: whatever still holds the former one
    does not reach it. One that is gone, or whose tables or settings were changed, is not used again."""
    if not _left:
        return None
    former, name = _left.pop(), _name()
    try:
        with psycopg.connect(server.url(former), autocommit=True) as connection:
            connection.execute(_OTHERS_OUT)
            as_it_was = connection.execute(_SHAPE).fetchone() == _new[server].shape
            if as_it_was:
                _empty(connection, _new[server])
    except psycopg.OperationalError:
        as_it_was = False
    with administration(server) as connection:
        if as_it_was:
            connection.execute(f"ALTER DATABASE {former} RENAME TO {name}")
            return name
        connection.execute(f"DROP DATABASE IF EXISTS {former} WITH (FORCE)")
        return None


def _name() -> str:
    return f"test_{os.getpid()}_{next(_numbers)}"


_left: list[str] = []
"""Databases of this process that no test has now."""

_OTHERS_OUT = """SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_TABLES = """SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r'
    AND relnamespace = 'public'::regnamespace ORDER BY relname"""
_SHAPE = """SELECT md5(string_agg(told, ' ' ORDER BY told)) FROM (
    SELECT concat_ws(',', attrelid::regclass, attname, atttypid, attnotnull, attisdropped) AS told FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(',', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat_ws(',', conrelid::regclass, conname) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(',', adrelid::regclass, adnum, pg_get_expr(adbin, adrelid)) FROM pg_attrdef
    UNION ALL SELECT concat_ws(',', relname, reloptions) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(',', proname, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast_temp)'
    UNION ALL SELECT setconfig::text FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
        WHERE datname = current_database()) AS all_of_it"""
_SEQUENCES = "SELECT sequencename, last_value, start_value FROM pg_sequences WHERE schemaname = 'public'"
_BLOATED = 1_000_000
"""A table of more bytes is cut off rather than left full of deleted rows."""


@dataclass(frozen=True)
class _New:
    """What a migrated database holds before anything happens."""

    shape: object
    rows: dict[str, bytes]
    sequences: list[tuple[str, int, bool]]

    @classmethod
    def of(cls, connection: psycopg.Connection) -> _New:
        """Read from one."""
        rows = {}
        for table, size in connection.execute(_TABLES).fetchall():
            if size:
                with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                    rows[table] = b"".join(copy)
        told = connection.execute(_SEQUENCES).fetchall()
        sequences = [(name, last or start, last is not None) for name, last, start in told]
        return cls(connection.execute(_SHAPE).fetchone(), rows, sequences)


_new: dict[Server, _New] = {}


def _empty(connection: psycopg.Connection, new: _New) -> None:
    """Everything back to how the migrations left it; triggers and foreign keys are not asked."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        sizes = connection.execute(_TABLES).fetchall()
        large = [table for table, size in sizes if size > _BLOATED]
        if large:
            connection.execute(f"TRUNCATE {', '.join(large)} CASCADE")
        connection.execute("; ".join(f"DELETE FROM {table}" for table, size in sizes if size and table not in large))
        for table, held in new.rows.items():
            with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(held)
        for name, value, called in new.sequences:
            connection.execute("SELECT setval(%s, %s, %s)", (name, value, called))


def short_folder() -> Path:
    """A folder for a server of a test's own: the path of a socket must be short."""
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}own-"))


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    """A server that a test may crash. What it acknowledged is on the disk."""
    try:
        binaries()
    except NoPostgres as error:
        pytest.skip(str(error))
    server = Server(short_folder())
    server.start()
    try:
        yield server
    finally:
        server.remove()
