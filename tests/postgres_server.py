"""One PostgreSQL server for a test run, shared by its workers; a database for each test, copied from a template."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    """The address of a migrated, empty database, dropped at the end."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with administration(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield server.url(name)
    finally:
        with administration(server) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
