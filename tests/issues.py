"""An issue that has gone out, written straight into the tables, for tests of the archive."""

from __future__ import annotations

from sqlalchemy import insert

from tribune.bootstrap import Application
from tribune.store.tables import editions, mailings


def add_issue(app: Application, day: str, *, digest: str = "letter", cadence: str = "daily") -> None:
    """An issue that has begun to leave now, with what was released up to now."""
    now = app.clock.now()
    facts = {"due_at": now, "planned_at": now, "started_at": now, "state": "finished", "approval": "standing"}
    with app.store.write() as tx:
        made = tx.connection.execute(insert(editions).values(digest=digest, cadence=cadence, occasion=day))
        assert made.inserted_primary_key
        row = facts | {"edition_id": made.inserted_primary_key[0], "recipients": 1, "correlation_id": "x"}
        tx.connection.execute(insert(mailings).values(row))
