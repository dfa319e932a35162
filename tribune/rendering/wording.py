"""Facts put into words of a locale: changes of figures, languages, what a mail holds, why a person gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tribune.domain.audience import Cadence, Choice
from tribune.domain.codelists import fold
from tribune.domain.items import Observation, SessionInfo
from tribune.domain.zones import zone as load_zone
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts

UP, DOWN, SAME = "▲", "▼", "="
MOST_NAMED = 4
"""How many names of a list are written out before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change against the period before: a sign that needs no colour, the words that say it all, and, for a column
    of figures, the figure before."""

    sign: str
    words: str
    brief: str


class Wording:
    """Words of one locale. `texts` is that locale's catalogue, `formats` its formats."""

    def __init__(self, texts: Texts, formats: Formats) -> None:
        self._texts = texts
        self._formats = formats

    # -- figures

    def value(self, value: float, unit: str) -> str:
        """A figure with its unit: percent with one decimal, a ratio with two, a number with one at most."""
        if unit == "percent":
            return self._formats.percent(value, 1)
        return self._formats.number(_rounded(value, unit))

    def change(self, seen: Observation, unit: str) -> Change | None:
        """The change from the period before, computed from the figures as they are shown; None where there is none."""
        if seen.previous_value is None or not seen.previous_period:
            return None
        now, before = _rounded(seen.value, unit), _rounded(seen.previous_value, unit)
        told = {
            "period": self._formats.period(seen.previous_period),
            "previous": self.value(seen.previous_value, unit),
        }
        if now == before:
            words = self._texts.gettext("unchanged from %(period)s (%(previous)s)") % told
            return Change(SAME, words, self._texts.gettext("as in %(period)s") % told)
        words = self._points(now - before, told) if unit == "percent" else self._amount(now, before, unit, told)
        if now > before:
            return Change(UP, words, self._texts.gettext("up from %(previous)s in %(period)s") % told)
        return Change(DOWN, words, self._texts.gettext("down from %(previous)s in %(period)s") % told)

    def formerly(self, value: float, unit: str) -> str:
        """What a revised figure was before."""
        return self._texts.gettext("formerly %(value)s") % {"value": self.value(value, unit)}

    def _points(self, difference: Decimal, told: Mapping[str, str]) -> str:
        count = self._formats.plural(difference)
        if difference > 0:
            pattern = self._texts.ngettext(
                "up %(points)s percentage point from %(period)s (%(previous)s)",
                "up %(points)s percentage points from %(period)s (%(previous)s)",
                count,
            )
        else:
            pattern = self._texts.ngettext(
                "down %(points)s percentage point from %(period)s (%(previous)s)",
                "down %(points)s percentage points from %(period)s (%(previous)s)",
                count,
            )
        return pattern % {**told, "points": self._formats.number(abs(difference))}

    def _amount(self, now: Decimal, before: Decimal, unit: str, told: Mapping[str, str]) -> str:
        if unit == "number" and before:
            amount = self._formats.percent(abs(now - before) / abs(before) * 100, 1)
        else:
            amount = self._formats.number(abs(now - before))
        if now > before:
            return self._texts.gettext("up %(amount)s from %(period)s (%(previous)s)") % {**told, "amount": amount}
        return self._texts.gettext("down %(amount)s from %(period)s (%(previous)s)") % {**told, "amount": amount}

    # -- items

    def in_language(self, tag: str) -> str:
        """`in English`."""
        return self._texts.gettext("in %(language)s") % {"language": self._formats.language(tag)}

    def languages(self, tags: Sequence[str]) -> str:
        """`Languages: English and French`."""
        names = self._formats.list([self._formats.language(tag) for tag in tags])
        return self._texts.ngettext("Language: %(names)s", "Languages: %(names)s", len(tags)) % {"names": names}

    def pages(self, count: int) -> str:
        """`48 pages`."""
        return self._texts.ngettext("%(number)s page", "%(number)s pages", count) % {
            "number": self._formats.number(count)
        }

    def new_values(self, new: int, revised: int) -> list[str]:
        """What a data release brought: `134 new figures`, `12 revised figures`."""
        said = []
        if new:
            pattern = self._texts.ngettext("%(number)s new figure", "%(number)s new figures", new)
            said.append(pattern % {"number": self._formats.number(new)})
        if revised:
            pattern = self._texts.ngettext("%(number)s revised figure", "%(number)s revised figures", revised)
            said.append(pattern % {"number": self._formats.number(revised)})
        return said

    def session(self, session: SessionInfo, zone: str) -> str:
        """When a session takes place, in the reader's zone, the zone named."""
        starts = starts_in(session, zone)
        ends = ends_in(session, zone)
        told = {
            "date": self._formats.full_date(starts.date()),
            "start": self._formats.time(starts),
            "end": self._formats.time(ends),
            "zone": self._formats.zone(zone, starts),
            "end_date": self._formats.full_date(ends.date()),
        }
        if starts.date() == ends.date():
            said = self._texts.gettext("%(date)s, from %(start)s to %(end)s (%(zone)s)") % told
        else:
            said = self._texts.gettext("from %(date)s, %(start)s, to %(end_date)s, %(end)s (%(zone)s)") % told
        return self._formats.capitalised(said)

    # -- the mail as a whole

    def edition(self, cadence: Cadence, day: date) -> str:
        """Which issue this is."""
        patterns = {
            Cadence.AT_ONCE: self._texts.gettext("New on %(date)s"),
            Cadence.DAILY: self._texts.gettext("Daily edition, %(date)s"),
            Cadence.WEEKLY: self._texts.gettext("Weekly edition, %(date)s"),
            Cadence.MONTHLY: self._texts.gettext("Monthly edition, %(date)s"),
        }
        return patterns[cadence] % {"date": self._formats.full_date(day)}

    def contents(self, groups: Mapping[str, int], more: int = 0) -> str:
        """`In this issue: 3 publications and 1 data release.` `groups` counts publication, data and session; `more`
        items are left out."""
        publications, data, sessions = (groups.get(name, 0) for name in ("publication", "data", "session"))
        said = []
        if publications:
            pattern = self._texts.ngettext("%(number)s publication", "%(number)s publications", publications)
            said.append(pattern % {"number": self._formats.number(publications)})
        if data:
            pattern = self._texts.ngettext("%(number)s data release", "%(number)s data releases", data)
            said.append(pattern % {"number": self._formats.number(data)})
        if sessions:
            pattern = self._texts.ngettext("%(number)s live session", "%(number)s live sessions", sessions)
            said.append(pattern % {"number": self._formats.number(sessions)})
        pattern = self._texts.gettext("In this issue: %(contents)s.")
        if more:
            pattern = self._texts.ngettext(
                "In this issue: %(contents)s, and %(number)s more on our website.",
                "In this issue: %(contents)s, and %(number)s more on our website.",
                more,
            )
        return pattern % {"contents": self._formats.list(said), "number": self._formats.number(more)}

    def more(self, count: int) -> str:
        """How many items a mail leaves out."""
        pattern = self._texts.ngettext(
            "%(number)s more item matches your choices. See it on our website.",
            "%(number)s more items match your choices. See them on our website.",
            count,
        )
        return pattern % {"number": self._formats.number(count)}

    def reason(self, cadence: Cadence, choices: Sequence[Choice]) -> str:
        """Why a person gets this mail, and how often."""
        patterns = {
            Cadence.AT_ONCE: self._texts.gettext(
                "You receive this message as soon as something new is published, because you chose: %(choices)s."
            ),
            Cadence.DAILY: self._texts.gettext(
                "You receive this letter every day when there is something new, because you chose: %(choices)s."
            ),
            Cadence.WEEKLY: self._texts.gettext(
                "You receive this letter every week when there is something new, because you chose: %(choices)s."
            ),
            Cadence.MONTHLY: self._texts.gettext(
                "You receive this letter every month when there is something new, because you chose: %(choices)s."
            ),
        }
        told = dict.fromkeys(self.choice(choice) for choice in choices) or [self.choice(Choice())]
        kept = list(told)[:MOST_NAMED]
        if len(told) > MOST_NAMED:
            pattern = self._texts.ngettext("%(number)s more", "%(number)s more", len(told) - MOST_NAMED)
            kept.append(pattern % {"number": self._formats.number(len(told) - MOST_NAMED)})
        return patterns[cadence] % {"choices": self._formats.apart(kept)}

    def choice(self, choice: Choice) -> str:
        """What a choice asks for: `reports and working papers, about Wages (Mali and Senegal)`."""
        formats, pgettext = self._formats, self._texts.pgettext
        told = {
            "kinds": self.names((formats.kinds(code) for code in choice.kinds), MOST_NAMED),
            "topics": self.names((formats.policy_area(code) for code in choice.policy_areas), MOST_NAMED),
            "places": self.names((formats.place(code) for code in choice.places), MOST_NAMED),
        }
        told["subjects"] = told["topics"] or told["places"]
        if told["topics"] and told["places"]:
            if told["kinds"]:
                return pgettext("what a person chose", "%(kinds)s, about %(topics)s (%(places)s)") % told
            return pgettext("what a person chose", "%(topics)s (%(places)s)") % told
        if told["kinds"] and told["subjects"]:
            return pgettext("what a person chose", "%(kinds)s, about %(subjects)s") % told
        return told["kinds"] or told["subjects"] or self._texts.gettext("everything that we publish")

    def names(self, names: Iterable[str], most: int, first: str = "") -> str:
        """Names in the order of the alphabet, `first` before all others: all, or where `most` + 1 are not enough,
        `most` and how many others."""
        ordered = sorted(names, key=lambda name: (name != first, fold(name)))
        if len(ordered) <= most + 1:
            return self._formats.names(ordered)
        others = len(ordered) - most
        pattern = self._texts.ngettext("%(names)s and %(number)s other", "%(names)s and %(number)s others", others)
        return pattern % {"names": self._formats.parts(ordered[:most]), "number": self._formats.number(others)}


def starts_in(session: SessionInfo, zone: str) -> datetime:
    """The start of a session on the clocks of `zone`; its own start is wall-clock time in its own zone."""
    return session.starts_at.replace(tzinfo=load_zone(session.zone)).astimezone(load_zone(zone))


def ends_in(session: SessionInfo, zone: str) -> datetime:
    """The end of a session on the clocks of `zone`."""
    begins = starts_in(session, "UTC")
    return (begins + timedelta(minutes=session.minutes)).astimezone(load_zone(zone))


def _rounded(value: float, unit: str) -> Decimal:
    """A figure as precise as it is shown."""
    exact = Decimal(str(value))
    if unit == "percent":
        return exact.quantize(Decimal("0.1"), ROUND_HALF_UP)
    if unit == "ratio":
        return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return (
        exact.quantize(Decimal(1), ROUND_HALF_UP)
        if exact == int(exact)
        else exact.quantize(Decimal("0.1"), ROUND_HALF_UP)
    )
