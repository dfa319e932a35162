"""Why people were shown an item, or why not, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tribune.domain.items import LanguageVersion
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from tribune.rendering.wording import Wording
from tribune.services.desk.say_why import Because, Group, Reach, Why
from web.words import Words


@dataclass(frozen=True, slots=True)
class Line:
    """A reason with its count, and some of the people whom it concerns."""

    text: str
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Inside:
    """An item of a mail, the version that it is shown in, and why it is there."""

    item: int
    version: LanguageVersion
    language: str
    because: str


class Reasons:
    """Tells reasons in one locale."""

    def __init__(self, texts: Texts, formats: Formats) -> None:
        self._texts = texts
        self._formats = formats
        self._words = Words(texts)
        self._wording = Wording(texts, formats)

    def why_not(self, reach: Reach) -> list[Line]:
        """A line for each reason, the one that concerns most people first."""
        return [
            Line(self._sentence(group), [person.name or person.address for person in group.examples])
            for group in reach.groups
        ]

    def inside(self, because: Sequence[Because]) -> list[Inside]:
        """What a mail holds, and why."""
        found = []
        for one in because:
            version = one.item.version_in(one.fragment.language)
            if version is not None:
                chose = list(dict.fromkeys(self._wording.choice(choice) for choice in one.choices))
                told = (
                    self._texts.gettext("Asked for: %(choices)s.") % {"choices": self._formats.apart(chose)}
                    if chose
                    else ""
                )
                found.append(Inside(one.item.id, version, one.fragment.language, told))
        return found

    def _sentence(self, group: Group) -> str:
        n, reason = group.people, group.reason
        told = {
            "number": self._formats.number(n),
            "axes": self._formats.list([self._axes()[axis] for axis in reason.axes]) or self._axes()["topics"],
            "rhythm": self._words.cadence(reason.cadence) if reason.cadence else "",
        }
        ngettext = self._texts.ngettext
        sentences: Mapping[Why, str] = {
            Why.STOPPED: ngettext(
                "%(number)s person does not receive digests at the moment.",
                "%(number)s people do not receive digests at the moment.",
                n,
            ),
            Why.NOT_ASKED: ngettext(
                "%(number)s person asked for other %(axes)s.", "%(number)s people asked for other %(axes)s.", n
            ),
            Why.LANGUAGE: ngettext(
                "%(number)s person reads none of its languages, and wants nothing in other languages.",
                "%(number)s people read none of its languages, and want nothing in other languages.",
                n,
            ),
            Why.NEXT: ngettext(
                "%(number)s person gets it with their next mail (%(rhythm)s).",
                "%(number)s people get it with their next mail (%(rhythm)s).",
                n,
            ),
            Why.BEFORE: ngettext(
                "For %(number)s person it came before their subscription.",
                "For %(number)s people it came before their subscription.",
                n,
            ),
            Why.CARRIED: ngettext(
                "%(number)s person gets it with their next issue, to which it was carried over.",
                "%(number)s people get it with their next issue, to which it was carried over.",
                n,
            ),
            Why.NO_ROOM: ngettext(
                "For %(number)s person it did not fit into their mail, which leads to the rest on the website.",
                "For %(number)s people it did not fit into their mail, which leads to the rest on the website.",
                n,
            ),
        }
        return sentences[reason.why] % told

    def _axes(self) -> Mapping[str, str]:
        pgettext = self._texts.pgettext
        return {
            "topics": pgettext("asked for other ...", "policy areas"),
            "places": pgettext("asked for other ...", "countries"),
            "kinds": pgettext("asked for other ...", "kinds of item"),
        }
