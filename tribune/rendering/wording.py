"""Facts put into words of a locale: changes of figures, languages, what a mail holds, why a person gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tribune.domain.audience import Cadence, Choice
from tribune.domain.items import Observation, SessionInfo
from tribune.domain.zones import zone as load_zone
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts

UP, DOWN, SAME = "▲", "▼", "="
MOST_NAMED = 4
"""How many names of a list are written out before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change against the period before: a sign that needs no colour, and the words that say it all."""

    sign: str
    words: str


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
            return Change(SAME, self._texts.gettext("unchanged from %(period)s (%(previous)s)") % told)
        sign = UP if now > before else DOWN
        return Change(
            sign, self._points(now - before, told) if unit == "percent" else self._amount(now, before, unit, told)
        )

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

    def contents(self, groups: Mapping[str, int]) -> str:
        """`In this issue: 3 publications and 1 data release.` `groups` counts publication, data and session."""
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
        return self._texts.gettext("In this issue: %(contents)s.") % {"contents": self._formats.list(said)}

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
        told = dict.fromkeys(self._choice(choice) for choice in choices) or [self._choice(Choice())]
        kept = list(told)[:MOST_NAMED]
        if len(told) > MOST_NAMED:
            kept.append(self._more_names(len(told) - MOST_NAMED))
        return patterns[cadence] % {"choices": self._formats.apart(kept)}

    def _choice(self, choice: Choice) -> str:
        """One choice: policy areas, places and kinds that are named, or everything."""
        formats = self._formats
        parts = [
            self._some(formats.policy_area(code) for code in choice.policy_areas),
            self._some(formats.place(code) for code in choice.places),
            self._some(formats.capitalised(formats.kind(code)) for code in choice.kinds),
        ]
        return " – ".join(part for part in parts if part) or self._texts.gettext("everything that we publish")

    def _some(self, names: Iterable[str]) -> str:
        """The first names in the order of the alphabet, and how many more."""
        ordered = sorted(names, key=str.casefold)
        if len(ordered) > MOST_NAMED + 1:
            ordered[MOST_NAMED:] = [self._more_names(len(ordered) - MOST_NAMED)]
        return self._formats.parts(ordered)

    def _more_names(self, count: int) -> str:
        return self._texts.ngettext("%(number)s more", "%(number)s more", count) % {
            "number": self._formats.number(count)
        }


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
