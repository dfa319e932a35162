"""Signatures: people who are shown the same fragments in the same order share one (decisions.md, 14)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tribune.domain.audience import frame_locale
from tribune.domain.mailings import Shape
from tribune.ports.planning import Due
from tribune.services.planning.match_items import Candidate, Chain, chains_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

_PEOPLE_AT_ONCE = 50_000
NO_ZONE = -1


@dataclass(frozen=True, slots=True)
class Contents:
    """What each person gets. `people` are places in Due, `signature` and `locale` go with them.

    `texts` is signature -> content as JSON (tribune.domain.mailings.EditionContent); `locale` points into `locales`.
    """

    people: Ints
    signature: Ints
    locale: Ints
    locales: tuple[str, ...]
    texts: tuple[str, ...]
    locale_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Display:
    """A way to be shown the items: the frame's locale, and each item's language (None: left out)."""

    locale: str
    languages: tuple[str | None, ...]


def edition_contents(
    due: Due, selected: Bools, candidates: Sequence[Candidate], max_items: int, offered: Sequence[str], default: str
) -> Contents:
    """The signatures of a plan. `selected` is items x people, items in the order in which a mail shows them."""
    chains, chain = chains_of(due)
    displays, display_of_chain = _displays(chains, candidates, offered, default)
    display = display_of_chain[chain]
    zone_numbers: dict[str, int] = {}
    zone_of_profile = np.array(
        [zone_numbers.setdefault(p.zone, len(zone_numbers)) for p in due.profiles] or [0], np.int64
    )
    zones = tuple(zone_numbers)
    sessions = np.array([c.item.session is not None for c in candidates], np.bool_)

    writer = _Writer(candidates, displays, zones)
    people, signature = [], []
    for start in range(0, len(due.ids), _PEOPLE_AT_ONCE):
        part = slice(start, start + _PEOPLE_AT_ONCE)
        count = selected[:, part].sum(axis=0)
        some = np.flatnonzero(count)
        shown = selected[:, part][:, some]
        more = np.maximum(count[some] - max_items, 0)
        full = np.flatnonzero(more)
        if len(full):
            shown[:, full] &= shown[:, full].cumsum(axis=0, dtype=np.int16) <= max_items
        place = some + start
        zone = np.where(shown[sessions].any(axis=0), zone_of_profile[due.profile[place]], NO_ZONE)
        keys = np.column_stack([display[place], zone, more, _packed(shown)]).astype(np.int64)
        first, group = group_rows(keys)
        numbers = writer.write(shown[:, first], keys[first])
        people.append(place)
        signature.append(numbers[group])
    who = np.concatenate(people) if people else np.empty(0, np.int64)
    locales = tuple(dict.fromkeys(d.locale for d in displays))
    locale_of_display = np.array([locales.index(d.locale) for d in displays] or [0], np.int64)
    return Contents(
        people=who,
        signature=np.concatenate(signature) if signature else np.empty(0, np.int64),
        locale=locale_of_display[display[who]],
        locales=locales,
        texts=tuple(writer.numbers),
        locale_of=tuple(writer.locales),
    )


def group_rows(keys: Ints) -> tuple[Ints, Ints]:
    """Equal rows of a matrix: the place of one row of each group, and each row's group.

    Rows are grouped by a hash; that every row equals its group's first is then checked, not hoped for.
    """
    hashes = np.zeros(len(keys), np.uint64)
    for column in keys.T:
        hashes = (hashes ^ column.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    if np.array_equal(keys[first][group], keys):
        return first, group
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return first, group.reshape(-1)


def _packed(shown: Bools) -> Ints:
    """Columns of bits as rows of 64-bit words."""
    packed = np.packbits(shown, axis=0)
    words = np.zeros((-(-len(packed) // 8) * 8, shown.shape[1]), np.uint8)
    words[: len(packed)] = packed
    return np.ascontiguousarray(words.T).view(np.int64)


def _displays(
    chains: Sequence[Chain], candidates: Sequence[Candidate], offered: Sequence[str], default: str
) -> tuple[tuple[_Display, ...], Ints]:
    number: dict[_Display, int] = {}
    of_chain = [
        number.setdefault(
            _Display(frame_locale(chain[0], offered, default), tuple(c.shown_to(chain) for c in candidates)),
            len(number),
        )
        for chain in chains
    ]
    return tuple(number), np.array(of_chain or [0], np.int64)


class _Writer:
    """Gives each different content a number. The text of a fragment is made once, that of a content is a joining."""

    def __init__(self, candidates: Sequence[Candidate], displays: Sequence[_Display], zones: Sequence[str]) -> None:
        self._candidates = candidates
        self._displays = displays
        self._zones = zones
        self._fragments: dict[tuple[int, int], tuple[list[str], list[str]]] = {}
        self.numbers: dict[str, int] = {}
        self.locales: list[str] = []

    def write(self, shown: Bools, keys: Ints) -> Ints:
        """The numbers of these contents: a column of `shown` and a row of `keys` (display, zone, more) each."""
        items = np.nonzero(shown.T)[1].tolist()
        ends = shown.sum(axis=0).cumsum().tolist()
        found, start = [], 0
        for end, (display, zone, more) in zip(ends, keys[:, :3].tolist(), strict=True):
            locale = self._displays[display].locale
            leads, rows = self._fragments.get((display, zone)) or self._texts(display, zone)
            body = ",".join([leads[items[start]], *map(rows.__getitem__, items[start + 1 : end])])
            text = f'{{"locale":{json.dumps(locale)},"fragments":[{body}],"more":{more}}}'
            number = self.numbers.setdefault(text, len(self.numbers))
            if number == len(self.locales):
                self.locales.append(locale)
            found.append(number)
            start = end
        return np.array(found, np.int64)

    def _texts(self, display: int, zone: int) -> tuple[list[str], list[str]]:
        """Each item's fragment key as JSON, as lead and as row. Only those of sessions depend on the zone."""
        if zone == NO_ZONE:
            every = range(len(self._candidates))
            leads, rows = ([self._text(row, display, shape) for row in every] for shape in (Shape.LEAD, Shape.ROW))
        else:
            leads, rows = map(list, self._fragments.get((display, NO_ZONE)) or self._texts(display, NO_ZONE))
            for row, candidate in enumerate(self._candidates):
                if candidate.item.session is not None:
                    leads[row] = self._text(row, display, Shape.LEAD, self._zones[zone])
                    rows[row] = self._text(row, display, Shape.ROW, self._zones[zone])
        self._fragments[display, zone] = (leads, rows)
        return leads, rows

    def _text(self, row: int, display: int, shape: Shape, zone: str = "") -> str:
        item, shown = self._candidates[row].item, self._displays[display]
        key = [item.id, item.version, shape, shown.languages[row], shown.locale, zone]
        return json.dumps(key, separators=(",", ":"))
