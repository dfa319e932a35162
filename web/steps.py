"""A story as steps of a timeline, in words."""

from __future__ import annotations

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
from tribune.services.see_events import SeenEvent
from tribune.services.tell_story import InMailing, ItemStory, Story
from web.words import Words


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
        self._name_of = name_of

    def of(self, story: Story) -> list[Step]:
        """All steps, the earliest first."""
        steps = [step for seen in story.events for step in self._came_in(seen)]
        for told in story.items:
            steps += self._changes(told)
            steps += self._releases(told)
            steps += [self._mailing(one) for one in told.mailings]
        return sorted(steps, key=lambda step: step.at)

    def _came_in(self, seen: SeenEvent) -> Iterator[Step]:
        event = seen.event
        if event is None or TYPES.get(event.type) is None or TYPES[event.type].topic != PUBLICATIONS:
            return
        told = {"source": event.source, "record": event.key, "revision": self._formats.number(event.revision)}
        line = self._texts.gettext("From %(source)s, record %(record)s, revision %(revision)s.") % told
        yield Step(seen.published_at, self._words.type(event.type), (line,), "", seen.title, seen.language)

    def _changes(self, story: ItemStory) -> Iterator[Step]:
        for entry in story.history:
            tone = "bad" if entry.change == "withdrawn" else ""
            lines = (entry.note,) if entry.note else ()
            yield Step(entry.changed_at, self._words.change(entry.change), lines, f"/items/{story.item.id}", tone=tone)

    def _releases(self, story: ItemStory) -> Iterator[Step]:
        for at, group in groupby(story.releases, key=lambda release: release.released_at):
            together = list(group)
            languages = self._formats.list([self._formats.language(release.language) for release in together])
            numbers = self._formats.list([self._formats.number(release.sequence) for release in together])
            line = self._texts.ngettext(
                "Catalogue number %(numbers)s.", "Catalogue numbers %(numbers)s.", len(together)
            ) % {"numbers": numbers}
            heading = self._texts.gettext("Released in %(languages)s") % {"languages": languages}
            yield Step(at, heading, (line,), tone="good")

    def _mailing(self, one: InMailing) -> Step:
        mailing = one.progress.mailing
        lines = [self._shown(shown) for shown in one.shown]
        heading = self._texts.ngettext(
            "%(mailing)s: to %(number)s person", "%(mailing)s: to %(number)s people", one.people
        ) % {"mailing": self._name_of(mailing), "number": self._formats.number(one.people)}
        return Step(mailing.planned_at, heading, lines, f"/mailings/{mailing.id}", tone="good")

    def _shown(self, shown: Shown) -> str:
        told = {
            "number": self._formats.number(len(shown.people)),
            "language": self._formats.language(shown.language),
            "missing": self._formats.language(shown.locale),
        }
        if same_language(shown.language, shown.locale):
            return (
                self._texts.ngettext(
                    "In %(language)s: %(number)s person.", "In %(language)s: %(number)s people.", len(shown.people)
                )
                % told
            )
        return (
            self._texts.ngettext(
                "%(number)s person reads %(missing)s first; there is no such version, so it was shown in %(language)s.",
                "%(number)s people read %(missing)s first; there is no such version, so it was shown in %(language)s.",
                len(shown.people),
            )
            % told
        )
