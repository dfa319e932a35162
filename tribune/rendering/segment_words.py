"""What a segment's rule means, in plain words of one locale: each condition one whole sentence about a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tribune.domain.audience import Cadence, Status
from tribune.domain.codelists import Codelist
from tribune.domain.digests import Digest
from tribune.domain.segments import (
    AllOf,
    AnyOf,
    Chosen,
    Condition,
    Dated,
    Everyone,
    HasStatus,
    InGroup,
    Moment,
    Node,
    NoneOf,
    Reads,
    Rule,
    Tagged,
    Wants,
    When,
)
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, and those that hang below it."""

    text: str
    parts: tuple[Line, ...] = ()


class SegmentWords:
    """Words of one locale. `groups` is the code list of constituent groups, `digests` the digests by id."""

    def __init__(
        self, locale: str, texts: Texts, formats: Formats, groups: Codelist, digests: Mapping[str, Digest]
    ) -> None:
        self.locale = locale
        self._texts = texts
        self._formats = formats
        self._groups = groups
        self._digests = digests

    # -- the rule

    def rule(self, rule: Rule) -> tuple[Line, ...]:
        """The whole rule: whom it selects, and who is named in it."""
        ngettext, formats = self._texts.ngettext, self._formats
        told = [] if rule.who is None else [self.top(rule.who)]
        if rule.include:
            pattern = ngettext(
                "%(number)s person is added individually.",
                "%(number)s people are added individually.",
                len(rule.include),
            )
            told.append(Line(pattern % {"number": formats.number(len(rule.include))}))
        if rule.exclude:
            pattern = ngettext(
                "%(number)s person is left out individually.",
                "%(number)s people are left out individually.",
                len(rule.exclude),
            )
            told.append(Line(pattern % {"number": formats.number(len(rule.exclude))}))
        return tuple(told)

    def top(self, node: Node) -> Line:
        """The tree, beginning with whom it is about."""
        _ = self._texts.gettext
        match node:
            case AllOf((single,)) | AnyOf((single,)):
                return self.top(single)
            case AllOf(parts):
                head = _("People of whom all of this is true:")
            case AnyOf(parts):
                head = _("People of whom at least one of these is true:")
            case NoneOf(parts):
                head = _("People of whom none of this is true:")
            case Everyone():
                return Line(_("Everybody on the list of subscribers."))
            case _:
                head, parts = _("People of whom this is true:"), (node,)
        return Line(head, tuple(self.line(part) for part in parts))

    def line(self, node: Node) -> Line:
        """A knot or condition below the top."""
        _ = self._texts.gettext
        match node:
            case AllOf(parts):
                return Line(_("All of this is true:"), tuple(self.line(part) for part in parts))
            case AnyOf(parts):
                return Line(_("At least one of these is true:"), tuple(self.line(part) for part in parts))
            case NoneOf(parts):
                return Line(_("None of this is true:"), tuple(self.line(part) for part in parts))
            case Wants():
                told = self._wants(node)
                if len(told) == 1:
                    return Line(told[0])
                return Line(_("In one and the same subscription:"), tuple(Line(text) for text in told))
            case _:
                return Line(self._sentence(node))

    # -- conditions

    def _sentence(self, node: Condition) -> str:
        ngettext = self._texts.ngettext
        match node:
            case InGroup(groups):
                pattern = ngettext(
                    "They belong to this group: %(names)s.",
                    "They belong to one of these groups: %(names)s.",
                    len(groups),
                )
                return self._with(pattern, [self.group(code) for code in groups])
            case HasStatus(statuses):
                pattern = ngettext(
                    "The state of their subscription is: %(names)s.",
                    "The state of their subscription is one of these: %(names)s.",
                    len(statuses),
                )
                return self._with(pattern, [self.status(status) for status in statuses])
            case Reads(languages, first):
                return self._reads(languages, first)
            case Tagged(tags):
                pattern = ngettext(
                    "They bear this tag: %(names)s.", "They bear at least one of these tags: %(names)s.", len(tags)
                )
                return self._with(pattern, list(tags))
            case Dated(what, when):
                return self.dated(what, when)
            case _:
                return self._texts.gettext("They are on the list of subscribers.")

    def _reads(self, languages: Sequence[str], first: bool) -> str:
        if first:
            pattern = self._texts.ngettext(
                "The language that they read first is %(names)s.",
                "The language that they read first is one of these: %(names)s.",
                len(languages),
            )
        else:
            pattern = self._texts.ngettext(
                "They read this language: %(names)s.",
                "They read at least one of these languages: %(names)s.",
                len(languages),
            )
        return self._with(pattern, [self._formats.language(tag) for tag in languages])

    def _wants(self, node: Wants) -> list[str]:
        _, ngettext, formats = self._texts.gettext, self._texts.ngettext, self._formats
        told = []
        if node.places:
            told.append(
                self._axis(
                    node.places,
                    formats.place,
                    ngettext(
                        "They follow at least one country of: %(names)s.",
                        "They follow at least one country of: %(names)s.",
                        len(node.places.codes),
                    ),
                    _("They follow at least one country of: %(names)s; or they follow the whole world."),
                    _("They have chosen no country: they follow the whole world."),
                )
            )
        if node.policy_areas:
            told.append(
                self._axis(
                    node.policy_areas,
                    formats.policy_area,
                    ngettext(
                        "They follow this policy area: %(names)s.",
                        "They follow at least one of these policy areas: %(names)s.",
                        len(node.policy_areas.codes),
                    ),
                    _("They follow at least one of these policy areas: %(names)s; or they follow all of them."),
                    _("They have chosen no policy area: they follow all of them."),
                )
            )
        if node.kinds:
            told.append(
                self._axis(
                    node.kinds,
                    formats.kinds,
                    ngettext(
                        "They ask for this kind of item: %(names)s.",
                        "They ask for at least one of these kinds of items: %(names)s.",
                        len(node.kinds.codes),
                    ),
                    _("They ask for at least one of these kinds of items: %(names)s; or they ask for all kinds."),
                    _("They have chosen no kind of item: they ask for all kinds."),
                )
            )
        if node.digests:
            pattern = ngettext(
                "They subscribe to %(names)s.", "They subscribe to at least one of these: %(names)s.", len(node.digests)
            )
            told.append(self._with(pattern, [self.digest(id) for id in node.digests]))
        if node.cadences:
            pattern = ngettext(
                "Their rhythm is: %(names)s.", "Their rhythm is one of these: %(names)s.", len(node.cadences)
            )
            told.append(self._with(pattern, [self.cadence(one) for one in node.cadences]))
        return told

    def _axis(self, chosen: Chosen, name: Callable[[str], str], only: str, or_all: str, all_: str) -> str:
        if not chosen.codes:
            return all_
        return self._with(or_all if chosen.unlimited else only, [name(code) for code in chosen.codes])

    def _with(self, pattern: str, names: Sequence[str]) -> str:
        # Apart where a name has a comma of its own ("Iran, Islamic Republic of").
        join = self._formats.apart if any("," in name for name in names) else self._formats.parts
        return pattern % {"names": join(names)}

    # -- dates

    def dated(self, what: Moment, when: When) -> str:
        """What is asked of a date."""
        days = when.within_days if when.within_days is not None else when.not_within_days
        if days is not None:
            pattern = self._in_days(what, when.within_days is not None, days)
            return pattern % {"number": self._formats.number(days)}
        first = self._formats.date(when.on_or_after) if when.on_or_after else ""
        last = self._formats.date(when.before - timedelta(days=1)) if when.before else ""
        return self._range(what, when) % {"first": first, "last": last}

    def _in_days(self, what: Moment, within: bool, days: int) -> str:
        ngettext = self._texts.ngettext
        match what, within:
            case Moment.CONFIRMED, True:
                return ngettext(
                    "They confirmed their subscription yesterday or today.",
                    "They confirmed their subscription within the last %(number)s days.",
                    days,
                )
            case Moment.CONFIRMED, False:
                return ngettext(
                    "They confirmed their subscription before yesterday.",
                    "They confirmed their subscription more than %(number)s days ago.",
                    days,
                )
            case Moment.MAILED, True:
                return ngettext(
                    "They were sent an issue yesterday or today.",
                    "They were sent an issue within the last %(number)s days.",
                    days,
                )
            case Moment.MAILED, False:
                return ngettext(
                    "They were sent no issue yesterday or today.",
                    "They were sent no issue within the last %(number)s days.",
                    days,
                )
            case _, True:
                return ngettext(
                    "They used one of our pages yesterday or today.",
                    "They used one of our pages within the last %(number)s days.",
                    days,
                )
            case _:
                return ngettext(
                    "They used none of our pages yesterday or today.",
                    "They used none of our pages within the last %(number)s days.",
                    days,
                )

    def _range(self, what: Moment, when: When) -> str:
        _ = self._texts.gettext
        ways = {
            Moment.CONFIRMED: (
                "",
                _("They confirmed their subscription on %(first)s or later."),
                _("They confirmed their subscription on %(last)s or earlier."),
                _("They confirmed their subscription between %(first)s and %(last)s."),
            ),
            Moment.MAILED: (
                _("They have never been sent an issue."),
                _("The last issue that they were sent is of %(first)s or later."),
                _("The last issue that they were sent is of %(last)s or earlier."),
                _("The last issue that they were sent is from between %(first)s and %(last)s."),
            ),
            Moment.SEEN: (
                _("They have never used one of our pages."),
                _("They last used one of our pages on %(first)s or later."),
                _("They last used one of our pages on %(last)s or earlier."),
                _("They last used one of our pages between %(first)s and %(last)s."),
            ),
        }
        never, after, before, between = ways[what]
        if when.never:
            return never
        if when.before is None:
            return after
        return before if when.on_or_after is None else between

    # -- names

    def group(self, code: str) -> str:
        """A constituent group."""
        return self._formats.aside(self._groups.label(code, self.locale))

    def status(self, status: Status) -> str:
        """The state of a subscription."""
        pgettext = self._texts.pgettext
        return {
            Status.PENDING: pgettext("state of a subscription", "not confirmed yet"),
            Status.ACTIVE: pgettext("state of a subscription", "active"),
            Status.PAUSED: pgettext("state of a subscription", "paused"),
            Status.UNSUBSCRIBED: pgettext("state of a subscription", "unsubscribed"),
        }[status]

    def cadence(self, cadence: Cadence) -> str:
        """A rhythm."""
        pgettext = self._texts.pgettext
        return {
            Cadence.AT_ONCE: pgettext("rhythm of a digest", "at once"),
            Cadence.DAILY: pgettext("rhythm of a digest", "daily"),
            Cadence.WEEKLY: pgettext("rhythm of a digest", "weekly"),
            Cadence.MONTHLY: pgettext("rhythm of a digest", "monthly"),
        }[cadence]

    def digest(self, id: str) -> str:
        """A digest's name."""
        found = self._digests.get(id)
        return found.name(self.locale) if found else id
