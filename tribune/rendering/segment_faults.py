"""What is wrong with a rule, in plain words of one locale, for who builds it on a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tribune.domain.segment_problems import Fault, Problem
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts


class SegmentFaults:
    """Faults in the words of one locale. `name_of` names a code as its list does."""

    def __init__(self, texts: Texts, formats: Formats, name_of: Callable[[str], str]) -> None:
        self._texts = texts
        self._formats = formats
        self._name_of = name_of
        self._told = self._of_faults()

    def text(self, problem: Problem) -> str:
        """The fault and what to do, in one or two sentences."""
        _ = self._texts.gettext
        given = problem.given.strip('"')
        if problem.fault in (Fault.NO_SUCH_CODE, Fault.NOT_A_LANGUAGE) and problem.near:
            near = self._formats.parts([self._name_of(code) for code in problem.near])
            return _("“%(given)s” is not known. Did you mean: %(near)s?") % {"given": given, "near": near}
        pattern = self._told.get(problem.fault, _("This cannot be read. Choose it anew."))
        return pattern % {"given": given}

    def _of_faults(self) -> Mapping[Fault, str]:
        _ = self._texts.gettext
        too_large = _("This rule is too large (limit: %(given)s). Make two segments of it, or use a tag.")
        return {
            Fault.TOO_LONG: too_large,
            Fault.TOO_DEEP: too_large,
            Fault.TOO_MANY_PARTS: too_large,
            Fault.TOO_MANY: _("These are more than %(given)s. Use a region, a group or a tag that holds them."),
            Fault.EMPTY: _("Nothing is chosen here. Choose something, or remove the condition."),
            Fault.NOBODY: _("This segment has no condition yet. Add one, or name people."),
            Fault.NO_SUCH_CODE: _("“%(given)s” is not known. Take it out, or choose from the list."),
            Fault.NOT_A_LANGUAGE: _("“%(given)s” is not a language. Write a code such as pt or pt-BR."),
            Fault.NOT_A_TAG: _("“%(given)s” cannot be a tag. Use a to z, digits and hyphens."),
            Fault.NOT_DAYS: _("Write the days as a whole number from 1 to 3660."),
            Fault.NOT_A_DATE: _("Give a date."),
            Fault.BACKWARDS: _("The last day lies before the first."),
            Fault.NOT_A_PERSON: _("“%(given)s” is not a person’s number."),
            Fault.NO_SUCH_PERSON: _("There is no person with the number %(given)s."),
            Fault.IN_AND_OUT: _("Person %(given)s is both added and left out. Keep one of the two."),
        }
