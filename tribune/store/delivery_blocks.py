"""Where a person's deliveries stand, without an index entry for each of them (ADR 17).

A row of `delivery_blocks` is about one mailing and one block of 128 neighbouring subscribers: for each of them who is
in the mailing, seven bytes: who within the block, the place, the chunk. So a million deliveries cost 8,000 rows.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select, update

from tribune.ports.planning import DeliveryPlans
from tribune.store.bulk import insert_rows
from tribune.store.tables import delivery_blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

BITS = 7
"""A block holds 2**7 subscribers: a full one is 896 bytes, which PostgreSQL still keeps in the row."""

_WITHIN = (1 << BITS) - 1
_AT = struct.Struct("<HI")
_BYTES = 1 + _AT.size
_MAILINGS_AT_ONCE = 500
_BLOCKS_AT_ONCE = 500

_b = delivery_blocks.c


def add_blocks(connection: Connection, mailing: int, planned: DeliveryPlans) -> None:
    """Remember where everybody's delivery stands. Raises ValueError where somebody is in the mailing twice."""
    import numpy as np

    order = np.argsort(planned.subscriber)
    who = planned.subscriber[order]
    if not len(who):
        return
    if (who[1:] == who[:-1]).any():
        raise ValueError(f"mailing {mailing} holds somebody twice")
    members = np.empty(len(who), np.dtype([("who", "u1"), ("place", "<u2"), ("chunk", "<u4")]))
    members["who"] = who & _WITHIN
    members["place"] = planned.place[order]
    members["chunk"] = planned.chunk[order]
    block = who >> BITS
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    ends = np.append(starts[1:], len(who))
    raw = members.tobytes()
    rows = (
        (number, raw[start * _BYTES : end * _BYTES])
        for number, start, end in zip(block[starts].tolist(), starts.tolist(), ends.tolist(), strict=True)
    )
    insert_rows(connection, delivery_blocks, ["block", "members"], rows, mailing_id=mailing)


def places_of(connection: Connection, mailing: int, subscribers: Collection[int]) -> dict[int, tuple[int, int]]:
    """Subscriber -> (chunk, place) in a mailing, for those of these people who are in it."""
    of_block: dict[int, list[int]] = {}
    for subscriber in set(subscribers):
        of_block.setdefault(subscriber >> BITS, []).append(subscriber)
    found = {}
    blocks = sorted(of_block)
    for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
        asked = select(_b.block, _b.members).where(
            _b.mailing_id == mailing, _b.block.in_(blocks[start : start + _BLOCKS_AT_ONCE])
        )
        for block, members in connection.execute(asked):
            for subscriber in of_block[block]:
                if (at := _place(members, subscriber)) is not None:
                    found[subscriber] = at
    return found


def latest_places(connection: Connection, subscriber: int, limit: int) -> list[tuple[int, int, int]]:
    """(mailing, chunk, place) of a person's deliveries, the newest mailing first."""
    return latest_places_of(connection, [subscriber], limit).get(subscriber, [])


def latest_places_of(
    connection: Connection, subscribers: Collection[int], limit: int
) -> dict[int, list[tuple[int, int, int]]]:
    """Subscriber -> (mailing, chunk, place) of their deliveries, the newest mailing first, `limit` of each at most."""
    of_block: dict[int, list[int]] = {}
    for subscriber in set(subscribers):
        of_block.setdefault(subscriber >> BITS, []).append(subscriber)
    found: dict[int, list[tuple[int, int, int]]] = {}
    for block, people in of_block.items():
        lacking = people
        for mailing, members in _mailings_of(connection, block):
            for subscriber in lacking:
                if (at := _place(members, subscriber)) is not None:
                    found.setdefault(subscriber, []).append((mailing, *at))
            lacking = [subscriber for subscriber in lacking if len(found.get(subscriber, ())) < limit]
            if not lacking:
                break
    return found


def forget_member(connection: Connection, subscriber: int) -> None:
    """Take somebody out of all blocks: where their deliveries stand is not known any more."""
    block, who = subscriber >> BITS, subscriber & _WITHIN
    for mailing, members in list(_mailings_of(connection, block)):
        at = members[::_BYTES].find(who)
        if at >= 0:
            left = members[: at * _BYTES] + members[(at + 1) * _BYTES :]
            of_block = (_b.mailing_id == mailing, _b.block == block)
            change = update(delivery_blocks).where(*of_block).values(members=left)
            connection.execute(change if left else delete(delivery_blocks).where(*of_block))


def _mailings_of(connection: Connection, block: int) -> Iterator[tuple[int, bytes]]:
    query = select(_b.mailing_id, _b.members).where(_b.block == block).order_by(_b.mailing_id.desc())
    before: int | None = None
    while True:
        part = query.limit(_MAILINGS_AT_ONCE)
        rows = connection.execute(part if before is None else part.where(_b.mailing_id < before)).all()
        yield from ((row.mailing_id, row.members) for row in rows)
        if len(rows) < _MAILINGS_AT_ONCE:
            return
        before = rows[-1].mailing_id


def _place(members: bytes, subscriber: int) -> tuple[int, int] | None:
    """(chunk, place) of a subscriber among the members of their block."""
    at = members[::_BYTES].find(subscriber & _WITHIN)
    if at < 0:
        return None
    place, chunk = _AT.unpack_from(members, at * _BYTES + 1)
    return chunk, place
