"""What is particular to PostgreSQL: its engine, restarts of the server, isolation, collation, its clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError

from tests import postgres_server
from tests.waiting import until
from tools.postgres.server import Server
from tribune.bootstrap import Application, application
from tribune.config import Settings
from tribune.domain.audience import Cadence
from tribune.domain.errors import ConfigurationError
from tribune.ports.clock import SystemClock
from tribune.store.advice import advice
from tribune.store.engine import SqlStore, open_engine, shown_url
from tribune.store.migrate import is_current, migrate, revisions, shape_of
from tribune.store.outbox import SqlOutbox
from tribune.store.postgres import Options, lock_key
from tribune.store.tables import metadata

on_postgresql = pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)


@pytest.fixture
def empty(postgres: Server) -> str:
    """The address of a database without tables."""
    name = f"empty_{time.monotonic_ns()}"
    with postgres_server.administration(postgres) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return postgres.url(name)


def test_the_store_outlives_a_restart_of_the_server(own_postgres: Server) -> None:
    server = own_postgres
    store = SqlStore(open_engine(server.url()), SystemClock(), SqlOutbox)
    migrate(store.engine)
    with store.write() as tx:
        tx.inbox.remember("group", "/source", "before", tx.now())
    server.stop(how="immediate")
    with pytest.raises(OperationalError), store.read() as tx:
        tx.inbox.seen("group", "/source", "before")
    server.start()
    with store.read() as tx:
        assert tx.inbox.seen("group", "/source", "before")
    with store.write() as tx:
        tx.inbox.remember("group", "/source", "after", tx.now())
    server.stop()
    server.start()
    with store.write() as tx:  # connections that died unnoticed, the first thing in a write
        assert tx.inbox.seen("group", "/source", "after")
    store.engine.dispose()


def test_workers_go_on_when_the_server_restarts_under_them(own_postgres: Server) -> None:
    """Four threads write while it stops (as in a crash) and starts again: what was committed is there, once, and no
    connection of the pool stays broken or taken."""
    server = own_postgres
    store = SqlStore(open_engine(server.url(), Options(pool_size=2)), SystemClock(), SqlOutbox)
    migrate(store.engine)
    committed: list[str] = []
    failed: list[str] = []
    surprises: list[BaseException] = []
    stop = threading.Event()

    def work(name: str) -> None:
        number = 0
        while not stop.is_set():
            id = f"{name}-{number}"
            number += 1
            try:
                with store.write() as tx:
                    tx.inbox.remember("group", "/source", id, tx.now())
                    tx.connection.execute(text("SELECT pg_sleep(0.002)"))
                committed.append(id)
            except OperationalError:
                failed.append(id)
                time.sleep(0.02)
            except BaseException as error:
                surprises.append(error)
                return

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    until(lambda: len(committed) > 100)
    server.stop(how="immediate")
    until(lambda: len(failed) > 20)
    server.start()
    before = len(committed)
    until(lambda: len(committed) > before + 100)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert surprises == []
    with store.read() as tx:
        kept = set(tx.connection.execute(text("SELECT event_id FROM inbox")).scalars())
    assert set(committed) <= kept, "what was committed is there"
    # Of those that failed, a commit whose answer was lost may be there: one for each thread at most.
    assert len(kept - set(committed)) <= 4
    assert store.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    store.engine.dispose()


@on_postgresql
def test_a_read_sees_one_snapshot_and_writes_nothing(app: Application) -> None:
    now = app.clock.now()
    with app.store.read() as tx:
        assert not tx.inbox.seen("g", "/s", "e")
        with app.store.write() as other:
            other.inbox.remember("g", "/s", "e", now)
        assert not tx.inbox.seen("g", "/s", "e")
    with pytest.raises(InternalError, match="read-only"), app.store.read() as tx:
        tx.inbox.remember("g", "/s", "f", now)
    with app.store.write() as tx:  # and the connection is as it was before
        assert tx.inbox.seen("g", "/s", "e")
        tx.inbox.remember("g", "/s", "f", now)


@on_postgresql
def test_a_statement_that_takes_too_long_is_ended_and_tells_no_parameters(store_url: str) -> None:
    engine = open_engine(store_url, Options(statement_timeout=0.2, application_name="tribune test"))
    with pytest.raises(DBAPIError, match="statement timeout") as told, engine.connect() as connection:
        assert connection.execute(text("SHOW application_name")).scalar() == "tribune test"
        connection.execute(text("SELECT pg_sleep(5), CAST(:secret AS text)"), {"secret": "someone@example.org"})
    assert "someone@example.org" not in str(told.value)
    assert advice(told.value).startswith("It took longer than [store] statement_timeout_seconds")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1, "the connection is as good as before"
    engine.dispose()


@on_postgresql
def test_who_waits_too_long_for_a_lock_is_told_so(store_url: str) -> None:
    store = SqlStore(open_engine(store_url, Options(lock_timeout=0.2)), SystemClock(), SqlOutbox)
    with store.write() as tx:
        tx.lock("audience")
        with pytest.raises(OperationalError, match="lock timeout") as told, store.write() as other:
            other.lock("audience")
    assert "lock_timeout_seconds" in advice(told.value)
    store.engine.dispose()


@on_postgresql
def test_a_plan_of_many_may_take_longer_than_other_statements(app: Application) -> None:
    """And the connection goes back with the limits of all."""
    engine = open_engine(app.settings.store.url, Options(pool_size=1, statement_timeout=3))
    store = SqlStore(engine, app.clock, SqlOutbox)
    with store.write() as tx:
        tx.planning.these("letter", Cadence.DAILY, [1])
        tx.connection.execute(text("SELECT pg_sleep(4)"))
    with store.read() as tx:
        told = [tx.connection.execute(text(f"SHOW {name}")).scalar() for name in ("statement_timeout", "work_mem")]
    assert told == ["3s", "4MB"]
    engine.dispose()


def test_every_error_has_its_advice(empty: str, tmp_path: Path) -> None:
    def fail(url: str, statement: str = "SELECT 1") -> str:
        engine = open_engine(url)
        with pytest.raises(DBAPIError) as told, engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()
        return advice(told.value)

    assert "tribune migrate" in fail(empty, "SELECT * FROM inbox")
    assert "createdb" in fail(empty.replace("/empty_", "/nowhere_"))
    assert "running" in fail(f"postgresql://postgres@/x?host={tmp_path}")
    assert fail(empty, "SELECT 1 / 0") == "See the log of the server of [store] url."
    assert "file of [store] url" in fail(f"sqlite:///{tmp_path / 'store.sqlite3'}", "SELECT * FROM inbox")


def test_the_password_is_not_shown() -> None:
    url = "postgresql://tribune:geheim@db.example/tribune?sslmode=require&password=geheim"
    assert "geheim" not in shown_url(url)
    assert shown_url(url).startswith("postgresql://tribune:***@db.example/tribune")
    assert "geheim" not in repr(Settings.model_validate({"store": {"url": url}}))
    engine = open_engine(url)
    assert "geheim" not in repr(engine)
    with pytest.raises(ConfigurationError) as told:
        open_engine("mysql://tribune:geheim@db.example/tribune")
    assert "geheim" not in str(told.value)


@on_postgresql
def test_the_database_tells_the_time_moved_as_the_clock_is(store_url: str) -> None:
    clock = SystemClock(timedelta(days=400))
    store = SqlStore(open_engine(store_url), clock, SqlOutbox)
    with store.write() as tx:
        first = tx.now()
        assert abs(first - timedelta(days=400) - datetime.now(UTC)) < timedelta(seconds=10)
        assert tx.now() > first, "the transaction's own time stands still; a lease must not"
    store.engine.dispose()


def test_options_in_the_address_hold_beside_our_own(empty: str) -> None:
    engine = open_engine(f"{empty}{'&' if '?' in empty else '?'}options=-csearch_path%3Dtrib")
    with engine.connect() as connection, connection.begin():
        connection.execute(text("CREATE SCHEMA trib"))
    migrate(engine)
    assert is_current(engine)
    with engine.connect() as connection:
        schemas = connection.execute(text("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'people'"))
        assert schemas.scalars().all() == ["trib"]
        assert connection.execute(text("SHOW statement_timeout")).scalar() != "0"
    engine.dispose()


def test_migrations_and_tables_agree_and_texts_sort_by_their_bytes(empty: str) -> None:
    engine = open_engine(empty)
    assert not is_current(engine)
    migrate(engine)
    assert is_current(engine)
    with engine.connect() as connection:
        options = {
            "compare_type": True,
            "include_object": lambda object_, name, type_, reflected, to: not str(name).startswith("search_"),
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        found = connection.execute(
            text(
                "SELECT DISTINCT collation_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND data_type IN ('character varying', 'text')"
            )
        ).scalars()
        assert list(found) == ["C"]
    engine.dispose()


def test_the_migrations_can_be_run_by_several_at_once(empty: str) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        engine = open_engine(empty)
        try:
            migrate(engine)
        except BaseException as error:
            failures.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    engine = open_engine(empty)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [revisions()[0]]
    engine.dispose()


def test_the_migrations_go_down_again(empty: str) -> None:
    from alembic import command
    from sqlalchemy import inspect

    from tribune.store.migrate import alembic_config

    engine = open_engine(empty)
    migrate(engine)
    with engine.connect() as connection, connection.begin():
        command.downgrade(alembic_config(connection), "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()


def test_names_of_locks_are_numbers_that_stay() -> None:
    """Processes of two versions must mean the same lock."""
    assert lock_key("catalogue") == lock_key("catalogue") != lock_key("audience")
    assert -(2**63) <= lock_key("catalogue") < 2**63


def test_a_command_takes_a_store_at_work_to_no_new_shape(empty: str) -> None:
    settings = Settings.model_validate(
        {"store": {"url": empty}, "log": {"kind": "kafka", "bootstrap_servers": ["127.0.0.1:9"]}}
    )
    engine = open_engine(empty)
    migrate(engine)
    earlier = revisions()[1]
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :earlier"), {"earlier": earlier})
    told = rf"shape {earlier} of an earlier .* run `tribune migrate`"
    with pytest.raises(ConfigurationError, match=told), application(settings):
        pytest.fail("it was opened")
    assert shape_of(engine) == earlier
    engine.dispose()
