"""People who stop: many of them in a few statements, without reading them first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, exists, or_, update

from tribune.domain.audience import Status
from tribune.store.among import among
from tribune.store.tables import rhythms, subscribers

_s = subscribers.c
_r = rhythms.c
_AT_ONCE = 500


def stop(
    connection: Connection, stops: Collection[tuple[int, str | None]], now: datetime
) -> set[tuple[int, str | None]]:
    """Those of (person, digest or None for all) that changed anything; see tribune.ports.audience.Audience.stop."""
    of_digest: dict[str | None, list[int]] = defaultdict(list)
    for person, digest in sorted(set(stops), key=lambda one: (one[0], one[1] or "")):
        of_digest[digest].append(person)
    changed: set[tuple[int, str | None]] = set()
    # Single digests first: who stops one and all in the same moment has stopped both.
    for digest in sorted(of_digest, key=lambda one: (one is None, one or "")):
        ids = of_digest[digest]
        for start in range(0, len(ids), _AT_ONCE):
            changed |= {(person, digest) for person in _stop(connection, digest, ids[start : start + _AT_ONCE], now)}
    return changed


def _stop(connection: Connection, digest: str | None, ids: list[int], now: datetime) -> set[int]:
    going: list[ColumnElement[bool]] = [among(connection, _r.subscriber_id, ids), _r.stopped_at.is_(None)]
    if digest is not None:
        going.append(_r.digest == digest)
    stopped = set(connection.scalars(update(rhythms).where(*going).values(stopped_at=now).returning(_r.subscriber_id)))
    # Pending: they have never agreed to anything, and there is nothing to stop.
    settled = (Status.UNSUBSCRIBED.value, Status.PENDING.value)
    something_left = exists().where(_r.subscriber_id == _s.id, _r.stopped_at.is_(None)).correlate(subscribers)
    gone = ~something_left & _s.status.not_in(settled)
    told = connection.scalars(
        update(subscribers)
        .where(among(connection, _s.id, ids), or_(among(connection, _s.id, stopped), gone))
        .values(
            changed_at=now,
            status=case((gone, Status.UNSUBSCRIBED.value), else_=_s.status),
        )
        .returning(_s.id)
    )
    return stopped | set(told)
