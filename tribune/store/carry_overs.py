"""Items that wait for a person's next mail: written by planning, by changes of subscriptions, and after a pause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.audience import Cadence, Status
from tribune.domain.mailings import DeliveryState, EditionContent
from tribune.ports.audience import CarryOver, HeldBack
from tribune.store.delivery_blocks import latest_places
from tribune.store.tables import (
    at_once_served,
    carry_overs,
    deliveries,
    delivery_exceptions,
    editions,
    mailings,
    signatures,
)

_LOOK_AT = 500
_TOLD = "paused; comes after the pause"


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


def carried_over(connection: Connection, people: Sequence[int], digest: str) -> list[CarryOver]:
    """What waits for these people in a digest."""
    c = carry_overs.c
    return [
        CarryOver(row.subscriber_id, row.digest, Cadence(row.cadence), row.item_id, row.reason, row.language)
        for row in connection.execute(select(carry_overs).where(c.subscriber_id.in_(people), c.digest == digest))
    ]


def forget_carry_overs(connection: Connection, people: Sequence[int], digest: str) -> None:
    """It is no longer to come."""
    c = carry_overs.c
    connection.execute(delete(carry_overs).where(c.subscriber_id.in_(people), c.digest == digest))


def take_held_by_pause(connection: Connection, subscriber: int, since: datetime, now: datetime) -> list[HeldBack]:
    """The mails planned since then that a pause held back. They are marked, so that each is told once."""
    d, e, m = deliveries.c, delivery_exceptions.c, mailings.c
    places = latest_places(connection, subscriber, _LOOK_AT)
    if not places:
        return []
    rows = connection.execute(
        select(d.mailing_id, d.chunk, d.place, editions.c.digest, editions.c.cadence, signatures.c.content)
        .join(delivery_exceptions, and_(e.mailing_id == d.mailing_id, e.chunk == d.chunk, e.place == d.place))
        .join(mailings, m.id == d.mailing_id)
        .join(editions, editions.c.id == m.edition_id)
        .join(signatures, and_(signatures.c.mailing_id == d.mailing_id, signatures.c.signature == d.signature))
        .where(tuple_(d.mailing_id, d.chunk, d.place).in_(places), m.planned_at >= since)
        .where(e.state == DeliveryState.SUPPRESSED.value, e.code == Status.PAUSED.value)
        .order_by(d.mailing_id)
    ).all()
    held = []
    for mailing, chunk, place, digest, cadence, content in rows:
        of_place = and_(e.mailing_id == mailing, e.chunk == chunk, e.place == place)
        connection.execute(update(delivery_exceptions).where(of_place).values(code=_TOLD, changed_at=now))
        if cadence == Cadence.AT_ONCE.value:
            s = at_once_served.c
            connection.execute(delete(at_once_served).where(s.subscriber_id == subscriber, s.mailing_id == mailing))
        fragments = EditionContent.from_json(content).fragments
        held.append(HeldBack(digest, Cadence(cadence), tuple((key.item, key.language) for key in fragments)))
    return held
