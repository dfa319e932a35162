"""Code lists: policy areas, kinds, constituent groups and places, with labels per language.

A code is permanent; its labels and members may change. Words of a source find a code only when they are,
accents, case and punctuation aside, the whole of a label or of a listed synonym: nothing is guessed.
Source of the places: UN M49 and ISO 3166-1 (codelists/SOURCES.md).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tribune.domain.errors import InvalidInput

# Letters that Unicode does not decompose; U+0131 is the Turkish i without a dot.
_LETTERS = str.maketrans(
    {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "&": " and "}
)


def fold(text: str) -> str:
    """`text` in lower case without accents, its punctuation turned to single spaces: "L'Île-d'Yeu" -> "l ile d yeu"."""
    bare = text.casefold() if text.isascii() else _unaccented(text)
    return " ".join("".join(c if c.isalnum() else " " for c in bare.translate(_LETTERS)).split())


def _unaccented(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()  # first, for a bold A has no lower case of its own
    return "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))


@dataclass(frozen=True, slots=True)
class Code:
    """A code with its labels per language; `plurals` are headings over several things; `synonyms` what sources say."""

    code: str
    labels: Mapping[str, str]
    plurals: Mapping[str, str] = field(default_factory=dict)
    synonyms: tuple[str, ...] = ()

    def label(self, language: str, default: str = "en") -> str:
        """The label in `language`; else in its base language, in `default`, in English, in whichever there is."""
        return _in_language(self.labels, language, default) or self.code

    def plural(self, language: str, default: str = "en") -> str:
        """The heading over several such things; the label where the list has no plural."""
        return _in_language(self.plurals, language, default) or self.label(language, default)

    def words(self) -> Iterator[str]:
        """Everything that names this code."""
        yield from self.labels.values()
        yield from self.plurals.values()
        yield from self.synonyms


def _in_language(texts: Mapping[str, str], language: str, default: str) -> str:
    for wanted in (language, language.split("-")[0].split("_")[0], default, "en"):
        if texts.get(wanted):
            return texts[wanted]
    return next((text for text in texts.values() if text), "")


@dataclass(frozen=True, slots=True)
class Codelist:
    """An ordered list of codes. `version` changes whenever anything in it does. Raises InvalidInput on ambiguity."""

    name: str  # what one code is, for messages: "policy area"
    codes: Mapping[str, Code]
    version: str = ""
    _by_word: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_word: dict[str, str] = {}
        for code in self.codes.values():
            for word in (code.code, *code.words()):
                folded = fold(word)
                if folded and by_word.setdefault(folded, code.code) != code.code:
                    raise InvalidInput(
                        f"{word!r} names both {by_word[folded]} and {code.code}.",
                        where=f"code list of {self.name}s",
                        hint="Take it out of one of them.",
                    )
        object.__setattr__(self, "_by_word", by_word)

    def __iter__(self) -> Iterator[Code]:
        return iter(self.codes.values())

    def __len__(self) -> int:
        return len(self.codes)

    def __contains__(self, code: object) -> bool:
        return code in self.codes

    def __getitem__(self, code: str) -> Code:
        """The code. Raises InvalidInput that names the nearest codes."""
        found = self.codes.get(code)
        if found is None:
            raise InvalidInput(f"{code!r} is not a {self.name}.", hint=self.suggestion(code))
        return found

    def label(self, code: str, language: str, default: str = "en") -> str:
        """The label of `code`, or the code itself where the list no longer has it (old items outlive lists)."""
        found = self.codes.get(code)
        return found.label(language, default) if found else code

    def find(self, word: str) -> str | None:
        """The code whose label or synonym in any language is `word` as a whole, or None."""
        return self._by_word.get(fold(word))

    def nearest(self, word: str) -> list[str]:
        """Up to three codes that a word may mean, the likeliest first."""
        return nearest(word, self.codes, self._by_word)

    def suggestion(self, word: str) -> str:
        """A hint for a word that is no code: the nearest ones, or the first of the list."""
        near = self.nearest(word)
        if near:
            named = " or ".join(f"{code} ({self.label(code, 'en')})" for code in near)
            return f"Did you mean {named}?"
        some = list(self.codes)[:12]
        return f"Use one of: {', '.join(some)}{' ...' if len(self.codes) > len(some) else ''}"


def nearest(word: str, codes: Iterable[str], by_word: Mapping[str, str]) -> list[str]:
    """Up to three codes that look like `word`, or whose names do, the likeliest first."""
    import difflib

    folded = fold(word)
    exact = by_word.get(folded)
    if exact:
        return [exact]
    typed = word.strip().upper()
    if len(typed) <= 3:  # too short for likeness: one letter beside, the later the likelier
        beside = [c for c in codes if len(c) == len(typed) and sum(a != b for a, b in zip(c, typed, strict=True)) == 1]
        return sorted(beside, key=lambda c: [a != b for a, b in zip(c, typed, strict=True)])[:3]
    alike = difflib.get_close_matches(folded, by_word, n=5, cutoff=0.72)
    found = list(dict.fromkeys(by_word[name] for name in alike))
    return (found or difflib.get_close_matches(word.strip(), list(codes), n=3, cutoff=0.6))[:3]


def map_categories(categories: Iterable[str], codelist: Codelist) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The codes that a source's categories name, each once in order of mention, and the categories that name none.

    A category matches as a whole or not at all; those that match none wait in a list that staff see (decisions.md, 9).
    """
    codes: dict[str, None] = {}
    unmapped: dict[str, None] = {}
    for category in categories:
        words = " ".join(category.split())
        code = codelist.find(words)
        if code:
            codes[code] = None
        elif words:
            unmapped[words] = None
    return tuple(codes), tuple(unmapped)


class PlaceType(StrEnum):
    """What a place is: a country or area, an M49 region, or a group of a typology (income, development)."""

    COUNTRY = "country"
    REGION = "region"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Place:
    """A place. `within` is the smallest region around it ("" for the world); `typology` what a group belongs to."""

    name: Code
    type: PlaceType
    within: str = ""
    iso2: str = ""
    m49: str = ""
    typology: str = ""

    @property
    def code(self) -> str:
        """ISO 3166-1 alpha-3 for a country, M49 for a region, the typology's own code for a group."""
        return self.name.code


@dataclass(frozen=True, slots=True)
class Places:
    """All places, and which countries each of them stands for. `groups` is group code -> its countries."""

    places: Mapping[str, Place]
    groups: Mapping[str, frozenset[str]]
    version: str = ""
    codelist: Codelist = field(init=False, repr=False, compare=False)
    _countries: dict[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    _by_code: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {code: place.name for code, place in self.places.items()}
        members: dict[str, set[str]] = {code: set() for code in names}
        by_code: dict[str, str] = {}
        for code, place in self.places.items():
            for other in (code, place.iso2, place.m49):
                if other and by_code.setdefault(other, code) != code:
                    raise InvalidInput(f"The code {other} stands for both {by_code[other]} and {code}.", where="places")
            around = self.regions_of(code)
            if place.type is PlaceType.COUNTRY:
                for region in (code, *around):
                    members[region].add(code)
        for code, countries in self.groups.items():
            members[code] = set(countries)
        object.__setattr__(self, "codelist", Codelist("place", names, self.version))
        object.__setattr__(self, "_countries", {code: frozenset(found) for code, found in members.items()})
        object.__setattr__(self, "_by_code", by_code)

    def __contains__(self, code: object) -> bool:
        return code in self.places

    def __getitem__(self, code: str) -> Place:
        """The place. Raises InvalidInput that names the nearest codes."""
        self.codelist[code]
        return self.places[code]

    def of_type(self, type: PlaceType) -> tuple[Place, ...]:
        """All countries, all regions or all groups, in the list's order."""
        return tuple(place for place in self.places.values() if place.type is type)

    def label(self, code: str, language: str, default: str = "en") -> str:
        """The place's name, or the code itself where the list no longer has it."""
        return self.codelist.label(code, language, default)

    def countries(self, code: str) -> frozenset[str]:
        """The countries that a place stands for: itself, a region's or a group's. Raises InvalidInput if unknown."""
        self.codelist[code]
        return self._countries[code]

    def expand(self, codes: Iterable[str]) -> frozenset[str]:
        """The countries that any of these places stands for."""
        return frozenset().union(*(self.countries(code) for code in codes))

    def regions_of(self, code: str) -> tuple[str, ...]:
        """The regions around a place, the smallest first, the world last. Raises InvalidInput on a loop."""
        found: list[str] = []
        around = self.places[code].within
        while around:
            if around in found or around == code:
                raise InvalidInput(f"The place {code} lies within itself.", where="places")
            found.append(around)
            around = self.places[around].within
        return tuple(found)

    def find(self, word: str) -> str | None:
        """The place of an ISO alpha-2, alpha-3 or M49 code, or of a name in any language as a whole; else None.

        Codes count as they are written officially, letters in capitals, M49 with three digits: a category "can", "per"
        or "8" is not a country.
        """
        word = word.strip()
        by_code = self._by_code.get(word)
        if by_code:
            return by_code
        found = self.codelist.find(word)
        return found if found and fold(word) != fold(found) else None

    def get(self, word: str) -> str:
        """As `find` for what a person typed: codes in any case, 12 for 012. Raises InvalidInput naming the nearest."""
        code = word.strip().upper()
        found = self.find(word) or self._by_code.get(code.zfill(3) if code.isdigit() else code)
        if not found:
            raise InvalidInput(f"{word!r} is not a place.", hint=self.codelist.suggestion(word))
        return found


@dataclass(frozen=True, slots=True)
class Codelists:
    """The code lists of an organisation."""

    policy_areas: Codelist
    kinds: Codelist
    groups: Codelist
    places: Places

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of each list."""
        return {
            "policy_areas": self.policy_areas.version,
            "kinds": self.kinds.version,
            "groups": self.groups.version,
            "places": self.places.version,
        }
