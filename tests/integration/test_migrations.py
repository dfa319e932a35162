"""Migrations build what the tables say, all the way up and down, and may be run by several processes at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from tribune.domain.errors import ConfigurationError
from tribune.store.delivery_blocks import latest_places, places_of
from tribune.store.engine import open_engine
from tribune.store.migrate import alembic_config, is_current, migrate, revisions, statements
from tribune.store.search_fts5 import SEARCH_DDL
from tribune.store.tables import metadata


def engine_in(folder: Path) -> Engine:
    return open_engine(f"sqlite:///{folder / 'store.sqlite3'}")


def schema(engine: Engine) -> dict[str, str]:
    """Name -> the statement that made it, white space aside."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def test_migrations_and_tables_agree(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    migrate(engine)
    with engine.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(
                connection,
                opts={
                    "compare_type": True,
                    "include_object": lambda object_, name, type_, reflected, to: not str(name).startswith("search_"),
                },
            ),
            metadata,
        )
    assert found == []


def test_migrations_build_the_same_as_the_tables_would(tmp_path: Path) -> None:
    """What the comparison does not look at: WITHOUT ROWID, server defaults, the search tables."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    migrated, made = engine_in(tmp_path / "a"), engine_in(tmp_path / "b")
    migrate(migrated)
    metadata.create_all(made)
    with made.begin() as connection:
        for statement in SEARCH_DDL:
            connection.exec_driver_sql(statement.replace("IF NOT EXISTS ", ""))
    assert {name: _parts(sql) for name, sql in schema(migrated).items()} == {
        name: _parts(sql) for name, sql in schema(made).items()
    }


def _parts(sql: str) -> list[str]:
    """The parts of a statement, in any order: a batch migration may write constraints in another one, and names that it
    changes in quotes."""
    plain = sql.replace('"', "").replace("(", ",").replace(")", ",")
    return sorted(part.strip() for part in plain.split(",") if part.strip())


def test_migrations_go_down_again(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    migrate(engine)
    with engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
        command.downgrade(alembic_config(connection), "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}


def test_a_store_that_a_newer_version_made_is_refused_in_words(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    migrate(engine)
    with engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for look in (migrate, is_current):
        with pytest.raises(ConfigurationError, match=r"made by a newer Tribune: its shape is 9999.*restore a backup"):
            look(engine)


def test_deliveries_of_before_are_found_by_person_after(tmp_path: Path) -> None:
    """What a released version wrote: people 1, 2 and 200 in mailing 7, person 2 also in mailing 9."""
    engine = engine_in(tmp_path)
    told = [(7, 0, 0, 2), (7, 0, 1, 200), (7, 1, 0, 1), (9, 0, 0, 2)]
    with engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
        command.upgrade(alembic_config(connection), "0002")
        connection.exec_driver_sql("INSERT INTO editions VALUES (1, 'letter', 'daily', '2026-11-01')")
        connection.exec_driver_sql("INSERT INTO editions VALUES (2, 'letter', 'daily', '2026-11-02')")
        for id, edition in ((7, 1), (9, 2)):
            connection.exec_driver_sql(
                "INSERT INTO mailings (id, edition_id, due_at, state, approval, recipients, correlation_id, planned_at)"
                f" VALUES ({id}, {edition}, '2026-11-01', 'finished', 'standing', 3, 'c', '2026-11-01')"
            )
        for mailing, chunk, place, person in told:
            connection.exec_driver_sql(
                "INSERT INTO deliveries (mailing_id, chunk, place, subscriber_id, channel, edition_id, signature)"
                f" VALUES ({mailing}, {chunk}, {place}, {person}, 'email', {1 if mailing == 7 else 2}, 5)"
            )
    migrate(engine)
    with engine.connect() as connection:
        assert places_of(connection, 7, [1, 2, 3, 200]) == {1: (1, 0), 2: (0, 0), 200: (0, 1)}
        assert latest_places(connection, 2, 10) == [(9, 0, 0), (7, 0, 0)]
    with engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
        command.downgrade(alembic_config(connection), "0003")
        found = connection.exec_driver_sql(
            "SELECT mailing_id, chunk, place, subscriber_id, channel, edition_id FROM deliveries ORDER BY 1, 2, 3"
        ).all()
    assert [tuple(row) for row in found] == [
        (mailing, chunk, place, person, "email", 1 if mailing == 7 else 2) for mailing, chunk, place, person in told
    ]


def test_the_newest_migration_can_be_run_by_several_at_once(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(engine)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [revisions()[0]]


def test_postgresql_can_run_them_too() -> None:
    """The statements for PostgreSQL are complete; running them on a server comes with "Real engines"."""
    told = statements("postgresql")
    for table in metadata.sorted_tables:
        assert f"CREATE TABLE {table.name} " in told
    assert "WITHOUT ROWID" not in told
    assert "VIRTUAL" not in told
    assert "TIMESTAMP WITH TIME ZONE" in told


def test_mailings_of_before_are_of_an_edition_after_and_keep_what_points_to_them(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    with engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
        command.upgrade(alembic_config(connection), "0015")
        connection.exec_driver_sql("INSERT INTO editions VALUES (1, 'letter', 'daily', '2026-11-01')")
        connection.exec_driver_sql(
            "INSERT INTO mailings (id, edition_id, due_at, state, approval, recipients, correlation_id, planned_at)"
            " VALUES (7, 1, '2026-11-01', 'running', 'standing', 3, 'c', '2026-11-01')"
        )
        connection.exec_driver_sql("INSERT INTO signatures VALUES (7, 0, 'en', '{}')")
        connection.exec_driver_sql(
            "INSERT INTO chunks (mailing_id, chunk, lane, domain_group, locale, size, state, sent_upto, doubt_upto,"
            " epoch) VALUES (7, 0, 'mailing', 'other', 'en', 3, 'ready', 0, 0, 0)"
        )
    migrate(engine)
    for down in (False, True):
        with engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
            if down:
                command.downgrade(alembic_config(connection), "0015")
            told = connection.exec_driver_sql("SELECT id, edition_id, state, recipients FROM mailings").all()
            assert [tuple(row) for row in told] == [(7, 1, "running", 3)]
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert connection.exec_driver_sql("SELECT count(*) FROM chunks").scalar() == 1
