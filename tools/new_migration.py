"""Write a migration from the difference between the tables and the migrations: `make migration NAME=add_x`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

from tribune.store.engine import open_engine
from tribune.store.migrate import alembic_config, migrate, revisions


def main(name: str) -> None:
    if not name:
        raise SystemExit("Give the migration a name: make migration NAME=add_x")
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'empty.sqlite3'}")
        if revisions():
            migrate(engine)
        with engine.connect() as connection:
            config = alembic_config(connection)
            command.revision(config, message=name, autogenerate=True, rev_id=f"{len(revisions()) + 1:04d}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
