"""New people into PostgreSQL by COPY in its binary form.

What many people have in common is encoded once and remembered (Nature.memo, Wants.memo); of each person only the
number, address and name are new, so that a row of a table is a join of ready bytes. Source of the form:
https://www.postgresql.org/docs/current/sql-copy.html (binary format).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct
from typing import Any

from sqlalchemy import Connection

from tribune.domain.addresses import domain_group
from tribune.domain.consent import ConsentAct, ConsentSource
from tribune.ports.audience import Mask
from tribune.ports.newcomers import Nature, Newcomer, Wants
from tribune.store.newcomers import (
    CONSENTS,
    MARKS,
    PEOPLE,
    RHYTHMS,
    SUBSCRIBERS,
    SUBSCRIPTIONS,
    agreed_text,
    nature_cells,
    wish_cells,
)
from tribune.store.postgres import driver

_BEGINS = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_ENDS = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST = 4_000
_length = Struct(">i").pack
_LENGTHS = [_length(n) for n in range(_LONGEST)]
_number = Struct(">ii").pack
_wide = Struct(">iq").pack
_NULL = _length(-1)
_BLOCK = 4_096


def copy_newcomers(
    connection: Connection,
    new: Sequence[Newcomer],
    first: int,
    mask: Mask,
    horizon: int,
    now: datetime,
    by: str,
    basis: str,
) -> None:
    """Write the rows of all tables; the people are numbered from `first`. They go in in the order of their addresses,
    which the index takes in half of the time."""
    ids = [_number(4, id) for id in range(first, first + len(new))]
    rows: list[bytes] = []
    for key, id, (address, _, name, _, _) in sorted(zip([n[1] for n in new], ids, new, strict=True)):
        a, n = address.encode(), name.encode()
        k = a if key == address else key.encode()
        rows += (id, _LENGTHS[len(a)], a, _LENGTHS[len(k)], k, _LENGTHS[len(n)], n)
    _copy(connection, "people", PEOPLE, rows, 7)
    at = _wide(8, (now - _EPOCH) // _MICROSECOND)
    rows = []
    for id, (address, _, _, nature, wants) in zip(ids, new, strict=True):
        whose = nature.memo.get("bytes") or _nature(nature)
        rows += (id, whose, _domain(address.rpartition("@")[2]), _text(wants.status.value))
    _copy(connection, "subscribers", SUBSCRIBERS, rows, 4, at + at)
    rows = []
    timing: list[bytes] = []
    served: list[bytes] = []
    marked: dict[Wants, list[bytes]] = {}
    for id, (_, _, _, nature, wants) in zip(ids, new, strict=True):
        for wish in wants.memo.get("bytes") or _wishes(wants, mask):
            rows += (id, wish)
        for when in wants.memo.get(nature.zone) or _rhythms(wants, nature.zone, at):
            timing += (id, when)
        for mark in marked.get(wants) or marked.setdefault(wants, _marks(wants, horizon)):
            served += (id, mark)
    _copy(connection, "subscriptions", SUBSCRIPTIONS, rows, 2)
    _copy(connection, "rhythms", RHYTHMS, timing, 2)
    _copy(connection, "marks", MARKS, served, 2)
    rows = []
    for id, newcomer in zip(ids, new, strict=True):
        rows += (id, _agreed(newcomer))
    same = b"".join(
        (
            *(_text(ConsentAct.IMPORTED.value), at, _text(ConsentSource.IMPORT.value), _text(""), _text("")),
            *(_text(by), _text(basis[:300])),
        )
    )
    _copy(connection, "consents", CONSENTS, rows, 2, same)


def _copy(
    connection: Connection, table: str, columns: Sequence[str], parts: list[bytes], of_a_row: int, same: bytes = b""
) -> None:
    """`parts` are the rows' bytes, so many of each row; `same` ends each row."""
    names = ", ".join(f'"{name}"' for name in columns)
    begin = len(columns).to_bytes(2, "big")
    between = same + begin
    with (
        driver(connection).cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT binary)'.encode()) as copy,
    ):
        copy.write(_BEGINS)
        step = _BLOCK * of_a_row
        for start in range(0, len(parts), step):
            block = parts[start : start + step]
            joined = [b"".join(block[at : at + of_a_row]) for at in range(0, len(block), of_a_row)]
            copy.write(begin + between.join(joined) + same)
        copy.write(_ENDS)


def _text(text: str) -> bytes:
    raw = text.encode()
    return _length(len(raw)) + raw


@lru_cache(maxsize=50_000)
def _domain(domain: str) -> bytes:
    return _text(domain_group(domain))


def _nature(nature: Nature) -> bytes:
    made = nature.memo["bytes"] = b"".join(map(_text, nature_cells(nature)))
    return made


def _wishes(wants: Wants, mask: Mask) -> list[bytes]:
    made = wants.memo["bytes"] = [
        b"".join((_text(digest), _text(cadence), _text(choice), *(_wide(8, word) for word in words)))
        for digest, cadence, choice, *words in wish_cells(wants, mask)
    ]
    return made


def _rhythms(wants: Wants, zone: str, now: bytes) -> list[bytes]:
    made = [
        b"".join(
            (
                *(_text(r.digest), _text(r.cadence.value), _number(4, r.weekday), _number(4, r.hour), _text(zone)),
                _NULL if r.stopped_at is None else now,
            )
        )
        for r in wants.rhythms
    ]
    if all(r.stopped_at is None for r in wants.rhythms):
        wants.memo[zone] = made
    return made


def _marks(wants: Wants, horizon: int) -> list[bytes]:
    return [b"".join((_text(r.digest), _text(r.cadence.value), _wide(8, horizon))) for r in wants.rhythms]


def _agreed(newcomer: Newcomer) -> bytes:
    memo: dict[Any, Any] = newcomer.wants.memo
    key = ("bytes", newcomer.nature.languages)
    found: bytes | None = memo.get(key)
    if found is None:
        found = memo[key] = _text(agreed_text(newcomer))
    return found


_MICROSECOND = datetime.resolution
