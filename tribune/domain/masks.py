"""Masks: choices and items as sets of bits, so that matching 100,000 people is a few instructions each.

A choice and an item match when they share a bit on each axis (topics, places, kinds). Bit 0 of an axis is
"any": every item carries it, and an empty choice has only it. Regions and groups are expanded to their
countries on both sides. An item without places is global: it carries every bit of the axis.
A code's bit is permanent and never used again (decisions.md, 24).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tribune.domain.audience import Choice
from tribune.domain.codelists import Codelists, Places, PlaceType

WORD_BITS = 63
"""Bits used of a signed 64-bit word: the sign stays 0 on every database."""

AXES: Mapping[str, int] = {"topics": 2, "places": 6, "kinds": 1}
"""Words of each axis, in the order in which they stand. Room for 125 topics, 377 countries, 62 kinds."""

CODELIST_OF: Mapping[str, str] = {"topics": "policy_areas", "places": "places", "kinds": "kinds"}
"""The code list behind each axis."""

ANY = 1
"""Bit 0."""


@dataclass(frozen=True, slots=True)
class Bits:
    """Each axis's codes and their bits. A place has a bit only if it is a country."""

    topics: Mapping[str, int]
    places: Mapping[str, int]
    kinds: Mapping[str, int]

    def missing(self, codelists: Codelists) -> dict[str, list[str]]:
        """Codes of each axis that have no bit yet, in the order of their list."""
        return {axis: [code for code in codes(axis, codelists) if code not in getattr(self, axis)] for axis in AXES}


def codes(axis: str, codelists: Codelists) -> list[str]:
    """The codes of a list that take a bit."""
    if axis == "places":
        return [place.code for place in codelists.places.of_type(PlaceType.COUNTRY)]
    return [code.code for code in (codelists.policy_areas if axis == "topics" else codelists.kinds)]


def room(axis: str) -> int:
    """How many codes fit into an axis, bit 0 aside."""
    return AXES[axis] * WORD_BITS - 1


def choice_mask(choice: Choice, bits: Bits, places: Places) -> tuple[int, ...]:
    """The words of a choice: of topics, then of places, then of kinds."""
    return (
        *_words("topics", _wanted(choice.policy_areas, choice.policy_areas, bits.topics)),
        *_words("places", _wanted(choice.places, countries(choice.places, places), bits.places)),
        *_words("kinds", _wanted(choice.kinds, choice.kinds, bits.kinds)),
    )


def item_mask(
    policy_areas: Collection[str], item_places: Collection[str], kind: str, bits: Bits, places: Places
) -> tuple[int, ...]:
    """The words of an item."""
    everywhere = (1 << AXES["places"] * WORD_BITS) - 1
    where = ANY | _set(countries(item_places, places), bits.places) if item_places else everywhere
    return (
        *_words("topics", ANY | _set(policy_areas, bits.topics)),
        *_words("places", where),
        *_words("kinds", ANY | _set((kind,), bits.kinds)),
    )


def countries(codes: Collection[str], places: Places) -> frozenset[str]:
    """The countries behind place codes. A code that the list no longer has stands for itself."""
    known = [code for code in codes if code in places]
    return places.expand(known) | frozenset(code for code in codes if code not in places)


def _wanted(given: Collection[str], expanded: Collection[str], bits: Mapping[str, int]) -> int:
    # A choice of codes that no longer exist is not an empty choice: it matches nothing rather than everything.
    return _set(expanded, bits) if given else ANY


def _set(codes: Collection[str], bits: Mapping[str, int]) -> int:
    number = 0
    for code in codes:
        if code in bits:
            number |= 1 << bits[code]
    return number


def _words(axis: str, number: int) -> tuple[int, ...]:
    low = (1 << WORD_BITS) - 1
    return tuple((number >> WORD_BITS * n) & low for n in range(AXES[axis]))
