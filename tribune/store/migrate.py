"""Bring the database to the newest shape, by the migrations in migrations/."""

from __future__ import annotations

from io import StringIO

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from tribune.resources import locate


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings: no .ini file, our folder, our connection."""
    config = Config()
    config.set_main_option("script_location", str(locate("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def statements(dialect: str) -> str:
    """All migrations as statements for a dialect, without a database (Alembic's offline mode)."""
    config = alembic_config()
    config.attributes["dialect"] = dialect
    config.output_buffer = StringIO()
    command.upgrade(config, "head", sql=True)
    return config.output_buffer.getvalue()


def revisions() -> list[str]:
    """The ids of all migrations, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]


def migrate(engine: Engine) -> None:
    """Run what migrations are missing. Safe when several processes start at once: the write lock is taken first."""
    with engine.connect().execution_options(tribune_write=True) as connection, connection.begin():
        command.upgrade(alembic_config(connection), "head")
