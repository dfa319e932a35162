"""What a sender needs of a window: its deliveries with the people behind them, in two set queries.

This is read once for every mail that leaves, so the statements are built once and the rows taken as they come.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import ARRAY, ColumnElement, Connection, Select, Text, and_, any_, bindparam, cast, exists, func, select

from tribune.domain.addresses import SuppressionHash, address_key
from tribune.domain.audience import Cadence, Choice, Status
from tribune.domain.sending import Slot
from tribune.ports.audience import Recipient
from tribune.ports.ledger import Seat
from tribune.store.masks import choice_from_json
from tribune.store.tables import deliveries, mailings, people, rhythms, subscribers, subscriptions, suppressions

log = structlog.get_logger()

_d = deliveries.c
_CHUNK = and_(_d.mailing_id == bindparam("mailing"), _d.chunk == bindparam("chunk"))
_RANGE = and_(_CHUNK, _d.place >= bindparam("start"), _d.place < bindparam("end"))
_PLACES = and_(_CHUNK, _d.place.in_(bindparam("places", expanding=True)))


def _seats(where: ColumnElement[bool], *, any_cadence: bool = False) -> Select[Any]:
    """A row for each delivery and each subscription behind it: nearly always one. `any_cadence`: for a campaign,
    which goes to whoever has the digest."""
    s, r = subscriptions.c, rhythms.c
    stopped = exists().where(
        r.subscriber_id == _d.subscriber_id, r.digest == bindparam("digest"), r.stopped_at.is_not(None)
    )
    planned = select(mailings.c.planned_at).where(mailings.c.id == bindparam("mailing")).scalar_subquery()
    behind = and_(s.subscriber_id == _d.subscriber_id, s.digest == bindparam("digest"))
    if not any_cadence:
        behind = and_(behind, s.cadence == bindparam("cadence"))
    return (
        select(
            _d.place,
            _d.subscriber_id,
            _d.signature,
            people.c.address,
            people.c.name,
            subscribers.c.audience_group,
            subscribers.c.languages,
            subscribers.c.zone,
            subscribers.c.status,
            stopped,
            cast(s.choice, Text),
            subscribers.c.changed_at > planned,
        )
        .select_from(
            deliveries.outerjoin(people, people.c.id == _d.subscriber_id)
            .outerjoin(subscribers, subscribers.c.id == _d.subscriber_id)
            .outerjoin(subscriptions, behind)
        )
        .where(where)
        .order_by(_d.place, s.id)
    )


_OF_RANGE, _OF_PLACES = _seats(_RANGE), _seats(_PLACES)
_OF_RANGE_IN_ANY, _OF_PLACES_IN_ANY = _seats(_RANGE, any_cadence=True), _seats(_PLACES, any_cadence=True)
_SUBSCRIBED = (Choice(),)
_FOUND = select(suppressions.c.address_hash, suppressions.c.reason)
_SUPPRESSED = _FOUND.where(
    suppressions.c.address_hash == any_(func.string_to_array(bindparam("hashes", type_=Text), ",", type_=ARRAY(Text)))
)
_SUPPRESSED_SQLITE = _FOUND.where(
    suppressions.c.address_hash.in_(
        select(func.json_each(bindparam("hashes", type_=Text)).table_valued("value").c.value)
    )
)


def read_window(
    connection: Connection,
    hash_of: SuppressionHash,
    mailing: int,
    chunk: int,
    start: int,
    end: int,
    digest: str,
    cadence: Cadence | None,
) -> list[Seat]:
    """The deliveries of a chunk from place `start` up to `end`. Without a cadence: of a campaign."""
    told = {"mailing": mailing, "chunk": chunk, "start": start, "end": end}
    return _read(connection, hash_of, _OF_RANGE if cadence else _OF_RANGE_IN_ANY, told, digest, cadence)


def read_seats(
    connection: Connection,
    hash_of: SuppressionHash,
    mailing: int,
    chunk: int,
    places: Collection[int],
    digest: str,
    cadence: Cadence | None,
) -> list[Seat]:
    """Single deliveries of a chunk."""
    told = {"mailing": mailing, "chunk": chunk, "places": list(places)}
    return _read(connection, hash_of, _OF_PLACES if cadence else _OF_PLACES_IN_ANY, told, digest, cadence)


def _read(
    connection: Connection,
    hash_of: SuppressionHash,
    asked: Select[Any],
    told: dict[str, Any],
    digest: str,
    cadence: Cadence | None,
) -> list[Seat]:
    told |= {"digest": digest} | ({"cadence": cadence.value} if cadence else {})
    rows = connection.execute(asked, told).all()
    hashes = {hash: row[1] for row in rows if row[3] is not None for hash in hash_of.each(address_key(row[3]))}
    hits = connection.execute(_suppressed(connection), {"hashes": _told_as_one(connection, hashes)})
    suppressed = {hashes[hash]: reason for hash, reason in hits.all()}
    found: list[Seat] = []
    before = -1
    for place, person, signature, address, name, group, languages, zone, status, stopped, kept, changed in rows:
        # What a campaign's reader chose is not asked: that they have the digest is enough.
        choices = () if kept is None else _choice(kept) if cadence else _SUBSCRIBED
        if place == before:
            slot, known = found[-1]
            found[-1] = slot, known and known._replace(choices=(*known.choices, *choices))
            continue
        before = place
        recipient = None
        if address is not None and status is not None:
            recipient = Recipient(
                person,
                name,
                address,
                group,
                _languages(languages),
                zone,
                _STATUS[status],
                choices,
                bool(stopped),
                suppressed.get(person, ""),
                bool(changed),
            )
        found.append((Slot(place, person, signature), recipient))
    return found


_STATUS = {status.value: status for status in Status}


@lru_cache(maxsize=16_384)
def _choice(kept: str) -> tuple[Choice, ...]:
    """As many as can be read: they only say why a mail comes, and must not hold it up."""
    try:
        return (choice_from_json(json.loads(kept)),)
    except (ValueError, TypeError, AttributeError) as error:
        log.error("a choice cannot be read", error=type(error).__name__)
        return ()


@lru_cache(maxsize=4_096)
def _languages(kept: str) -> tuple[str, ...]:
    return tuple(kept.split(","))


def _suppressed(connection: Connection) -> Select[Any]:
    return _SUPPRESSED_SQLITE if connection.dialect.name == "sqlite" else _SUPPRESSED


def _told_as_one(connection: Connection, hashes: Collection[str]) -> str:
    """All hashes as one text: a parameter for each, or a list of them, costs more than the query."""
    return json.dumps(list(hashes)) if connection.dialect.name == "sqlite" else ",".join(hashes)
