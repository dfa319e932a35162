"""Items that wait for a person's next mail: written by planning and by changes of subscriptions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from tribune.ports.audience import CarryOver
from tribune.store.tables import carry_overs


def add_carry_overs(connection: Connection, rows: Sequence[CarryOver]) -> None:
    """Remember; an item that waits already is left as it is."""
    if rows:
        into = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(carry_overs)
        connection.execute(
            into.on_conflict_do_nothing(),
            [
                {
                    "subscriber_id": row.subscriber,
                    "digest": row.digest,
                    "cadence": row.cadence.value,
                    "item_id": row.item,
                    "language": row.language,
                    "reason": row.reason,
                }
                for row in rows
            ],
        )
