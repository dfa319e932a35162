"""What a source's own words mean in our code lists: kind, policy areas, places; the rest waits for staff."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from tribune.domain.codelists import Codelists, fold, map_categories

# A feed's entry has neither observations nor a date and place to meet: these kinds come from their own producers.
_OWN_PRODUCERS = frozenset({"session", "data_release"})


@dataclass(frozen=True, slots=True)
class Defaults:
    """What settings say of a source. `kind`, `language`, areas and places hold where a record says nothing itself.

    `categories` maps the source's own words to policy areas. Nothing published before `since` is taken.
    """

    kind: str = "report"
    language: str = "en"
    policy_areas: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    categories: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a record's words mean. `unmapped` are the words that name none of our codes."""

    kind: str
    policy_areas: tuple[str, ...]
    places: tuple[str, ...]
    unmapped: tuple[str, ...]


class Classifier:
    """Maps the words of one source; its settings' mapping comes before the code lists' labels and synonyms."""

    def __init__(self, defaults: Defaults, codelists: Codelists) -> None:
        self._defaults = defaults
        self._lists = codelists
        self._own = {fold(word): code for word, code in defaults.categories.items()}

    def meaning(self, words: Iterable[str], *, types: Iterable[str] = (), coverage: Iterable[str] = ()) -> Meaning:
        """`words` are categories or subjects, `types` say what a thing is, `coverage` where it is about."""
        kind = ""
        for word in types:
            kind = kind or self._kind(word, but=frozenset({"session"}))
        places: dict[str, None] = {}
        unmapped: dict[str, None] = {}
        areas: dict[str, None] = {}
        for word in dict.fromkeys(" ".join(word.split()) for word in words):
            told = self._own.get(fold(word))
            found, _ = map_categories([word], self._lists.policy_areas)
            areas |= dict.fromkeys((told,) if told else found)
            place = self._lists.places.find(word)
            if place:
                places[place] = None
            named = self._kind(word, but=_OWN_PRODUCERS)
            kind = kind or named
            if word and not (told or found or place or named):
                unmapped[word[:200]] = None
        for word in coverage:
            place = self._lists.places.find(" ".join(word.split()))
            if place:
                places[place] = None
        return Meaning(
            kind or self._defaults.kind,
            tuple(areas) or self._defaults.policy_areas,
            tuple(places) or self._defaults.places,
            tuple(unmapped)[:50],
        )

    def _kind(self, word: str, but: frozenset[str]) -> str:
        found = self._lists.kinds.find(word) or ""
        return "" if found in but else found
