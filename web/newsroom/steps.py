"""A story as steps of a timeline, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from tribune.domain.events import PUBLICATIONS, TYPES
from tribune.domain.mailings import Mailing
from tribune.ports.stories import Shown
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from tribune.rendering.text import same_language
from tribune.rendering.wording import Wording
from tribune.services.catalogue.catalogue_item import CANCELLED, EmbargoNote
from tribune.services.desk.see_events import SeenEvent
from tribune.services.desk.tell_story import InMailing, ItemStory, Story
from web.words import BY_HAND, Words

_BECAME = re.compile(r"Item (\d+) became item (\d+)\.")


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the timeline. The heading leads to `link`; `title` is a work's, in `language`."""

    at: datetime
    heading: str
    lines: Sequence[str] = ()
    link: str = ""
    title: str = ""
    language: str = ""
    tone: str = ""


class Steps:
    """Tells stories in one locale."""

    def __init__(self, texts: Texts, formats: Formats, name_of: Callable[[Mailing], str]) -> None:
        self._texts = texts
        self._formats = formats
        self._words = Words(texts)
        self._wording = Wording(texts, formats)
        self._name_of = name_of

    def of(self, story: Story) -> list[Step]:
        """All steps, the earliest first."""
        steps = [step for seen in story.events for step in self._came_in(seen)]
        for told in story.items:
            steps += self._changes(told)
            steps += self._releases(told)
            steps += self._editions(told)
            steps += self._ahead(told)
        return sorted(steps, key=lambda step: step.at)

    def _ahead(self, story: ItemStory) -> Iterator[Step]:
        """What is still to come."""
        item = story.item
        if item.embargo_until and not story.releases and not item.withdrawn_at:
            yield Step(item.embargo_until, self._texts.gettext("Will be released when its embargo ends"), tone="ahead")

    def _came_in(self, seen: SeenEvent) -> Iterator[Step]:
        event = seen.event
        if event is None or TYPES.get(event.type) is None or TYPES[event.type].topic != PUBLICATIONS:
            return
        told = {"source": event.source, "record": event.key, "revision": self._formats.number(event.revision)}
        line = self._texts.gettext("From %(source)s, record %(record)s, revision %(revision)s.")
        if event.source == BY_HAND:
            line = self._texts.gettext("Published by hand, record %(record)s, revision %(revision)s.")
        yield Step(
            seen.published_at, self._words.type(event.type), (line % told,), "", *seen.title_in(self._formats.locale)
        )

    def _changes(self, story: ItemStory) -> Iterator[Step]:
        for entry in story.history:
            tone = "bad" if entry.change == "withdrawn" else ""
            lines = () if entry.change == "recoded" else tuple(self._note(entry.note))
            yield Step(entry.changed_at, self._words.change(entry.change), lines, f"/items/{story.item.id}", tone=tone)

    def _note(self, note: str) -> Iterator[str]:
        """A note of the history, in words. What a source said itself, such as a withdrawal's reason, stays as it is."""
        gettext = self._texts.gettext
        embargo = EmbargoNote.read(note)
        if embargo:
            moment = gettext("%(date)s, %(time)s UTC") % {
                "date": self._formats.date(embargo.until.date()),
                "time": self._formats.time(embargo.until),
            }
            told = {"revision": self._formats.number(embargo.revision), "moment": moment}
            yield gettext("Revision %(revision)s is under embargo until %(moment)s.") % told
            if embargo.stays:
                yield gettext("What was released before stays.")
        for old, new in _BECAME.findall(note):
            told = {"old": self._formats.number(int(old)), "new": self._formats.number(int(new))}
            yield gettext("Item %(old)s became item %(new)s.") % told
        rest = "" if embargo else _BECAME.sub("", note).strip()
        if rest:
            yield gettext("The session was cancelled.") if rest == CANCELLED else rest

    def _releases(self, story: ItemStory) -> Iterator[Step]:
        for at, group in groupby(story.releases, key=lambda release: release.released_at):
            together = list(group)
            languages = self._formats.list([self._wording.in_language(release.language) for release in together])
            numbers = self._formats.list([self._formats.number(release.sequence) for release in together])
            line = self._texts.ngettext(
                "Catalogue number %(numbers)s.", "Catalogue numbers %(numbers)s.", len(together)
            ) % {"numbers": numbers}
            heading = self._texts.gettext("Released %(in_languages)s") % {"in_languages": languages}
            yield Step(at, heading, (line,), tone="good")

    def _editions(self, story: ItemStory) -> Iterator[Step]:
        """One step a campaign, or an edition, which goes out in a mailing for each instant at which it is due."""
        editions: dict[str, list[InMailing]] = {}
        for one in story.mailings:
            mailing = one.progress.mailing
            where = f"/mailings?edition={mailing.edition}" if mailing.edition else f"/mailings/{mailing.id}"
            editions.setdefault(where, []).append(one)
        for where, mailings in editions.items():
            people = sum(one.people for one in mailings)
            first = min((one.progress.mailing for one in mailings), key=lambda mailing: mailing.due_at)
            told = {"mailing": self._name_of(first), "number": self._formats.number(people)}
            heading = self._texts.ngettext(
                "%(mailing)s: to %(number)s person", "%(mailing)s: to %(number)s people", people
            )
            lines = list(self._languages([shown for one in mailings for shown in one.shown]))
            yield Step(first.planned_at, heading % told, lines, where, tone="good")

    def _languages(self, shown: Sequence[Shown]) -> Iterator[str]:
        people: Counter[tuple[str, str]] = Counter()
        for one in shown:
            people[one.language, one.locale] += one.people
        # Who reads it in their own language first, then those who could not.
        for (language, locale), number in sorted(people.items(), key=lambda x: (not same_language(*x[0]), -x[1], x[0])):
            yield self._shown(language, locale, number)

    def _shown(self, language: str, locale: str, people: int) -> str:
        told = {
            "number": self._formats.number(people),
            "language": self._formats.language(language),
            "missing": self._formats.language(locale),
        }
        if same_language(language, locale):
            return (
                self._texts.ngettext(
                    "In %(language)s: %(number)s person.", "In %(language)s: %(number)s people.", people
                )
                % told
            )
        return (
            self._texts.ngettext(
                "%(number)s person reads %(missing)s first; there is no such version, so it was shown in %(language)s.",
                "%(number)s people read %(missing)s first; there is no such version, so it was shown in %(language)s.",
                people,
            )
            % told
        )
