"""Who gets a campaign how: in which language the message and each item, in which frame. It depends on nothing but how
a person reads, so it is reckoned once for each profile and handed to all who share it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tribune.domain.audience import Fallback, frame_locale, shown_language
from tribune.domain.campaigns import Draft
from tribune.domain.items import Item, Release
from tribune.domain.mailings import EditionContent, FragmentKey, Shape
from tribune.ports.planning import Due, Profile
from tribune.rendering.text import same_language
from tribune.services.planning.edition_contents import Contents


@dataclass(frozen=True, slots=True)
class Shown:
    """An item that goes with a campaign, and its visible releases in order."""

    item: Item
    releases: Sequence[Release]

    def shown_to(self, languages: Sequence[str], fallback: Fallback) -> str | None:
        """The language in which a reader sees it; None: it is left out."""
        return shown_language(languages, [r.language for r in self.releases], self.item.source_language, fallback)


@dataclass(frozen=True, slots=True)
class Readers:
    """The contents; how many people get the message in which language, how many of them in one that they did not name,
    and how many can read none of it."""

    contents: Contents
    languages: Mapping[str, int]
    in_another: int
    left_out: int


def campaign_contents(due: Due, draft: Draft, items: Sequence[Shown], offered: Sequence[str], default: str) -> Readers:
    """The signatures of a campaign, for everybody in `due` who can read some of it."""
    people_of = np.bincount(due.profile, minlength=len(due.profiles)) if len(due.ids) else np.zeros(0, np.int64)
    numbers: dict[str, int] = {}
    locales: dict[str, int] = {}
    locale_of: list[str] = []
    languages = {one.language: 0 for one in draft.messages}
    signature_of = np.full(max(len(due.profiles), 1), -1, np.int64)
    place_of_locale = np.zeros(max(len(due.profiles), 1), np.int64)
    in_another = left_out = 0
    for place, profile in enumerate(due.profiles):
        people = int(people_of[place])
        content = content_for(profile, draft, items, offered, default)
        if content is None:
            left_out += people
            continue
        languages[content.message] += people
        if not any(same_language(content.message, wanted) for wanted in profile.languages):
            in_another += people
        text = json.dumps(content.to_json(), separators=(",", ":"))
        signature_of[place] = numbers.setdefault(text, len(numbers))
        if len(locale_of) < len(numbers):
            locale_of.append(content.locale)
        place_of_locale[place] = locales.setdefault(content.locale, len(locales))
    signature = signature_of[due.profile]
    some = np.flatnonzero(signature >= 0)
    contents = Contents(
        people=some,
        signature=signature[some],
        locale=place_of_locale[due.profile][some],
        locales=tuple(locales),
        texts=tuple(numbers),
        locale_of=tuple(locale_of),
    )
    return Readers(
        contents, {language: number for language, number in languages.items() if number}, in_another, left_out
    )


def content_for(
    profile: Profile, draft: Draft, items: Sequence[Shown], offered: Sequence[str], default: str
) -> EditionContent | None:
    """What somebody gets who reads like this; None where they can read none of the message."""
    message = draft.shown_to(profile.languages, profile.fallback)
    if message is None:
        return None
    locale = frame_locale(profile.languages, offered, default)
    return EditionContent(locale, tuple(_fragments(profile, items, locale)), 0, message)


def _fragments(profile: Profile, items: Sequence[Shown], locale: str) -> list[FragmentKey]:
    found = []
    for one in items:
        language = one.shown_to(profile.languages, profile.fallback)
        if language is not None:
            zone = profile.zone if one.item.session is not None else ""
            found.append(FragmentKey(one.item.id, one.item.version, Shape.ROW, language, locale, zone))
    return found
