"""Bring the database to the newest shape."""

from __future__ import annotations

from sqlalchemy import Engine

from tribune.store.tables import metadata


def migrate(engine: Engine) -> None:
    """Create what is missing."""
    metadata.create_all(engine)
    try:
        from tribune.store.search import SEARCH_DDL
    except ImportError:
        return
    with engine.begin() as connection:
        for statement in SEARCH_DDL:
            connection.exec_driver_sql(statement)
