"""What a person receives, when and in which languages, in whole sentences of a locale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from babel.dates import get_day_names

from tribune.domain.audience import Cadence, Fallback, Rhythm, Subscription
from tribune.domain.zones import zone as load_zone
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from tribune.rendering.wording import Wording


class Receiving:
    """Sentences of one locale."""

    def __init__(self, texts: Texts, formats: Formats) -> None:
        self._texts = texts
        self._formats = formats
        self._wording = Wording(texts, formats)

    def sentence(self, wish: Subscription, rhythm: Rhythm | None) -> str:
        """`Every Monday at 08:00, when there is something new: Wages (Mali and Senegal).`"""
        weekday, hour = (rhythm.weekday, rhythm.hour) if rhythm is not None else (0, 0)
        told = {"when": self.when(wish.cadence, weekday, hour), "what": self._wording.choice(wish.choice)}
        return self._texts.pgettext("when a person receives what", "%(when)s: %(what)s.") % told

    def when(self, cadence: Cadence, weekday: int, hour: int) -> str:
        """`Every Monday at 08:00`."""
        # By the number of the hour: in Spanish it is "a la 01:00", and "a las" with every other.
        _, ngettext, formats = self._texts.gettext, self._texts.ngettext, self._formats
        names = get_day_names("wide", locale=formats.locale.replace("-", "_"))
        told = {"weekday": str(names[weekday]), "hour": formats.time(datetime(2026, 11, 23, hour, tzinfo=UTC))}
        patterns = {
            Cadence.AT_ONCE: _("As soon as something is published"),
            Cadence.DAILY: ngettext(
                "Every day at %(hour)s, when there is something new",
                "Every day at %(hour)s, when there is something new",
                hour,
            ),
            Cadence.WEEKLY: ngettext(
                "Every %(weekday)s at %(hour)s, when there is something new",
                "Every %(weekday)s at %(hour)s, when there is something new",
                hour,
            ),
            Cadence.MONTHLY: ngettext(
                "On the first %(weekday)s of the month at %(hour)s, when there is something new",
                "On the first %(weekday)s of the month at %(hour)s, when there is something new",
                hour,
            ),
        }
        return patterns[cadence] % told

    def languages(self, languages: Sequence[str], fallback: Fallback) -> str:
        """`In French, otherwise in English. What exists in neither comes in its own language.`"""
        _, told = self._texts.gettext, [self._wording.in_language(tag) for tag in languages]
        first = self._formats.capitalised(told[0])
        if len(told) > 1:
            names = {"first": first, "others": self._formats.parts(told[1:])}
            said = _("%(first)s, otherwise %(others)s.") % names
        else:
            said = f"{first}."
        source, omit = _("Everything else comes in its own language."), _("Everything else is left out.")
        return f"{said} {source if fallback is Fallback.SOURCE else omit}"

    def last_day(self, until: datetime, zone: str) -> str:
        """The day on which a pause ends, where the person is: `24 December 2026`."""
        return self._formats.full_date(until.astimezone(load_zone(zone)).date())
