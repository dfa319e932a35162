"""Why a person is in a segment, or is not, in plain words of one locale: each condition with what was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tribune.domain.audience import Choice, Status
from tribune.domain.segment_matching import Finding, Verdict
from tribune.domain.segments import Dated, HasStatus, InGroup, Reads, Tagged, Wants
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from tribune.rendering.segment_words import SegmentWords
from tribune.rendering.wording import Wording


@dataclass(frozen=True, slots=True)
class Reason:
    """A condition (`text`, and `lines` where it says several things), whether it holds, what is known of the person
    (`found`), and the reasons below it."""

    text: str
    holds: bool
    lines: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    parts: tuple[Reason, ...] = ()


class SegmentReasons:
    """Reasons in the words of one locale."""

    def __init__(self, words: SegmentWords, texts: Texts, formats: Formats) -> None:
        self._words = words
        self._texts = texts
        self._formats = formats
        self._wording = Wording(texts, formats)

    def answer(self, verdict: Verdict) -> str:
        """The verdict in one sentence."""
        _ = self._texts.gettext
        if verdict.left_out:
            return _("This person is not in the segment: they are left out individually, whatever the conditions say.")
        if verdict.found is not None and verdict.found.holds:
            return _("This person is in the segment: the conditions hold.")
        if verdict.pinned:
            return _("This person is in the segment: they are added individually, whatever the conditions say.")
        return _("This person is not in the segment: the conditions do not hold.")

    def reason(self, finding: Finding) -> Reason:
        """The reasons of a finding, from the top."""
        line = self._words.line(finding.node)
        below = tuple(self.reason(part) for part in finding.parts)
        lines = () if below else tuple(part.text for part in line.parts)
        return Reason(line.text, finding.holds, lines, self._found(finding), below)

    def _found(self, finding: Finding) -> tuple[str, ...]:
        _, ngettext, seen = self._texts.gettext, self._texts.ngettext, finding.seen
        match finding.node:
            case InGroup():
                return (_("Their group: %(name)s") % {"name": self._words.group(seen[0])},)
            case HasStatus():
                return (_("The state of their subscription: %(name)s") % {"name": self._words.status(Status(seen[0]))},)
            case Reads():
                names = self._formats.parts([self._formats.language(tag) for tag in seen])
                pattern = ngettext("They read: %(names)s", "They read, in this order: %(names)s", len(seen))
                return (pattern % {"names": names},)
            case Tagged():
                if not seen:
                    return (_("They bear no tag."),)
                pattern = ngettext("Their tag: %(names)s", "Their tags: %(names)s", len(seen))
                return (pattern % {"names": self._formats.parts(seen)},)
            case Dated():
                if not seen:
                    return (_("This has never happened."),)
                return (_("The last time: %(date)s") % {"date": self._formats.date(date.fromisoformat(seen[0]))},)
            case Wants():
                return self._wishes(finding)
            case _:
                return ()

    def _wishes(self, finding: Finding) -> tuple[str, ...]:
        _ = self._texts.gettext
        if not finding.wishes:
            return (_("None of their subscriptions is like that."),)
        return tuple(
            _("Their subscription to %(letter)s (%(rhythm)s): %(choice)s")
            % {
                "letter": self._words.digest(wish.digest),
                "rhythm": self._words.cadence(wish.cadence),
                "choice": self._wording.choice(Choice(wish.policy_areas, wish.places, wish.kinds)),
            }
            for wish in finding.wishes
        )
