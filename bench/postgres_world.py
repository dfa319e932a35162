"""A PostgreSQL server of a measurement's own, with many subscribers: some are imported, the rest copied by the server.

The server waits for the disk at each commit, as an installation's does; only the sizes of its buffers are set.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from bench.planning import INVENTED, START, write_people
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.config import Digest, Settings, Store
from tribune.ports.clock import StoppedClock
from tribune.store.engine import SqlStore, open_engine
from tribune.store.migrate import migrate
from tribune.store.outbox import SqlOutbox
from tribune.store.postgres import Options

IMPORTED = 50_000
"""So many differ from each other; with more people, each of them is there several times."""

SETTINGS = ("shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_timeout=15min", "maintenance_work_mem=512MB")


@contextmanager
def server() -> Iterator[Server]:
    """A server in a temporary folder, stopped at the end. $TRIBUNE_BENCH_POSTGRES: a folder that is kept."""
    kept = os.environ.get("TRIBUNE_BENCH_POSTGRES")
    made = Server(Path(kept) if kept else Path(tempfile.mkdtemp(prefix="tribune-bench-")))
    made.start(settings=SETTINGS)
    try:
        yield made
    finally:
        made.stop() if kept else made.remove()


def application(url: str, folder: Path) -> Application:
    """Tribune over that server; events stay in the outbox."""
    settings = Settings(
        data_dir=folder,
        store=Store(url=url),
        digests={"letter": Digest(names={"en": "Letter"}, sender="letter@observatory.example")},
    )
    app = Application(settings, StoppedClock(START))
    app.store = SqlStore(
        open_engine(url, Options(statement_timeout=3600)), app.clock, SqlOutbox, app.find_suppression_hash
    )
    return app


def fill(app: Application, folder: Path, people: int) -> None:
    """Migrate, import what differs, and let the server copy it until there are so many."""
    from tribune.services.audience.import_subscribers import import_subscribers

    migrate(app.store.engine)
    base = min(people, IMPORTED)
    file = folder / "people.csv"
    write_people(app, file, base)
    import_subscribers(app.store, app.clock, file, app.digests, app.codelists, basis=INVENTED)
    with app.store.write() as tx:
        for number in range(1, people // base):
            for statement in _copies(tx.connection):
                tx.connection.execute(text(statement), {"by": number * base, "base": base})
        tx.connection.execute(text("UPDATE counters SET value = :people WHERE name = 'people'"), {"people": people})
    with app.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")


def _copies(connection: Connection) -> list[str]:
    """Statements that copy the first `base` people under numbers that are `by` higher."""
    yield_ = []
    for table, key in (
        ("people", "id"),
        ("subscribers", "id"),
        ("subscriptions", "subscriber_id"),
        ("rhythms", "subscriber_id"),
        ("marks", "subscriber_id"),
    ):
        columns = [
            row[0]
            for row in connection.execute(
                text("SELECT column_name FROM information_schema.columns WHERE table_name = :t ORDER BY 1"),
                {"t": table},
            )
            if not (table == "subscriptions" and row[0] == "id")
        ]
        told = {name: f'"{name}"' for name in columns}
        told[key] = f'"{key}" + :by'
        for name in ("address", "address_key"):
            if name in told:
                told[name] = f"'n' || CAST(:by AS text) || {name}"
        names = ", ".join(f'"{name}"' for name in columns)
        yield_.append(
            f'INSERT INTO "{table}" ({names}) SELECT {", ".join(told[name] for name in columns)}'
            f' FROM "{table}" WHERE "{key}" <= :base ORDER BY "{key}"'
        )
    return yield_
