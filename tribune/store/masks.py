"""Queries of the masks: bits of codes, versions of code lists, and every subscription's derived words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from tribune.domain.audience import Choice
from tribune.domain.errors import InvalidInput
from tribune.domain.masks import AXES, CODELIST_OF, Bits, room
from tribune.store.tables import codelist_bits, codelist_versions, mask_columns, subscriptions

_READ_AT_ONCE = 5_000


def choice_to_json(choice: Choice) -> dict[str, list[str]]:
    """A choice as it is kept: sorted lists."""
    return {
        "policy_areas": sorted(choice.policy_areas),
        "places": sorted(choice.places),
        "kinds": sorted(choice.kinds),
    }


def choice_from_json(kept: Mapping[str, Sequence[str]]) -> Choice:
    """From what `choice_to_json` gave."""
    return Choice(
        frozenset(kept.get("policy_areas", ())), frozenset(kept.get("places", ())), frozenset(kept.get("kinds", ()))
    )


@lru_cache(maxsize=50_000)
def choice_of(kept: str) -> Choice:
    """A choice from its JSON as text: the same object for the same text."""
    return choice_from_json(json.loads(kept))


@lru_cache(maxsize=4096)
def choice_text(choice: Choice) -> str:
    """What `choice_of` reads."""
    return json.dumps(choice_to_json(choice))


class MaskQueries:
    """The masks' part of SqlPlanning."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def bits(self) -> Bits:
        found: dict[str, dict[str, int]] = {codelist: {} for codelist in CODELIST_OF.values()}
        for codelist, code, bit in self._connection.execute(
            select(codelist_bits.c.codelist, codelist_bits.c.code, codelist_bits.c.bit)
        ):
            found.setdefault(codelist, {})[code] = bit
        return Bits(**{axis: found[codelist] for axis, codelist in CODELIST_OF.items()})

    def add_bits(self, axis: str, codes: Sequence[str]) -> None:
        codelist = CODELIST_OF[axis]
        last = self._connection.scalar(
            select(func.coalesce(func.max(codelist_bits.c.bit), 0)).where(codelist_bits.c.codelist == codelist)
        )
        first = int(last or 0) + 1
        wanted = first + len(codes) - 1
        if wanted > room(axis):
            raise InvalidInput(
                f"There is room for {room(axis)} codes, counting those that were removed; {wanted} are wanted.",
                where=f"code list {codelist}",
                hint="Give the masks another word (AXES in tribune/domain/masks.py) with a migration.",
            )
        if codes:
            self._connection.execute(
                insert(codelist_bits),
                [{"codelist": codelist, "code": code, "bit": bit} for bit, code in enumerate(codes, start=first)],
            )

    def mask_versions(self) -> Mapping[str, str]:
        rows = self._connection.execute(select(codelist_versions.c.codelist, codelist_versions.c.version))
        return {row.codelist: row.version for row in rows}

    def set_mask_versions(self, versions: Mapping[str, str]) -> None:
        self._connection.execute(delete(codelist_versions))
        self._connection.execute(
            insert(codelist_versions), [{"codelist": name, "version": version} for name, version in versions.items()]
        )

    def choices(self) -> Iterator[tuple[int, Choice]]:
        after = 0
        while True:
            rows = self._connection.execute(
                select(subscriptions.c.id, subscriptions.c.choice)
                .where(subscriptions.c.id > after)
                .order_by(subscriptions.c.id)
                .limit(_READ_AT_ONCE)
            ).all()
            if not rows:
                return
            yield from ((row.id, choice_from_json(row.choice)) for row in rows)
            after = rows[-1].id

    def set_masks(self, rows: Sequence[tuple[int, tuple[int, ...]]]) -> int:
        if not rows:
            return 0
        kept = {
            id: tuple(words)
            for id, *words in self._connection.execute(
                select(subscriptions.c.id, *(subscriptions.c[name] for name in mask_columns)).where(
                    subscriptions.c.id.between(rows[0][0], rows[-1][0])
                )
            )
        }
        changed = [(id, words) for id, words in rows if kept[id] != words]
        if changed:
            self._connection.execute(
                update(subscriptions)
                .where(subscriptions.c.id == bindparam("of"))
                .values({name: bindparam(f"to_{name}") for name in mask_columns}),
                [
                    {"of": id, **{f"to_{name}": word for name, word in zip(mask_columns, words, strict=True)}}
                    for id, words in changed
                ],
            )
        return len(changed)


assert sum(AXES.values()) == len(mask_columns)  # noqa: S101 - the tables' columns are the axes' words
