"""Bring the database to the newest shape, by the migrations in migrations/."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from tribune.domain.errors import ConfigurationError
from tribune.resources import locate
from tribune.store.postgres import order_by_bytes, take_lock

if TYPE_CHECKING:
    from alembic.config import Config


def is_current(engine: Engine) -> bool:
    """Whether every migration has run. Cheap: each command asks, and Alembic takes a tenth of a second to import.

    Raises ConfigurationError where the store has seen migrations that this version does not know.
    """
    known = {file.stem.partition("_")[0] for file in (locate("migrations") / "versions").glob("[0-9]*.py")}
    there = shape_of(engine)
    if there is not None and there not in known:
        raise ConfigurationError(
            f"This store was made by a newer Tribune: its shape is {there}, and the newest that this version knows is "
            f"{max(known)}. Install that version again, or restore a backup that was made with this one."
        )
    return there == max(known)


def shape_of(engine: Engine) -> str | None:
    """The last migration that has run in the store; None where it is new (or cannot be read: who uses it is told)."""
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except (OperationalError, ProgrammingError):
        return None
    return None if found is None else str(found)


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings: no .ini file, our folder, our connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(locate("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def statements(dialect: str) -> str:
    """All migrations as statements for a dialect, without a database (Alembic's offline mode)."""
    from alembic import command

    config = alembic_config()
    config.attributes["dialect"] = dialect
    config.output_buffer = StringIO()
    command.upgrade(config, "head", sql=True)
    return config.output_buffer.getvalue()


def revisions() -> list[str]:
    """The ids of all migrations, the newest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]


def migrate(engine: Engine, then: Callable[[Connection], None] = lambda connection: None) -> None:
    """Run what migrations are missing, and `then` in the same transaction what needs more than they know. Safe when
    several processes start at once: a lock is taken first."""
    from alembic import command

    is_current(engine)  # refuses a store that is ahead of us
    with engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            take_lock(connection, "migrate")
        command.upgrade(alembic_config(connection), "head")
        then(connection)
        if engine.dialect.name == "postgresql":
            order_by_bytes(connection)
