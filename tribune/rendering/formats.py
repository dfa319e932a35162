"""Dates, times, numbers, names and lists in a reader's locale: CLDR through Babel, with the house's rules on top.

`Formats(locale, codelists)` is cheap to ask again: make one per locale and keep it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from tribune.domain.codelists import Codelists
from tribune.domain.zones import zone as load_zone
from tribune.rendering.house import HOUSES, NBSP, House
from tribune.rendering.locales import base
from tribune.rendering.text import ISOLATE, isolate, runs_right_to_left

MINUS = "\u2212"
_PERIOD = re.compile(r"(\d{4})(?:-?(?:(Q)([1-4])|(?:M)?(0[1-9]|1[0-2])))?")


class Formats:
    """How `locale` (BCP 47) writes things. Names of places and kinds come from the code lists, never from CLDR."""

    def __init__(self, locale: str, codelists: Codelists, default: str = "en") -> None:
        self.locale = locale
        self._house = HOUSES.get(base(locale), House())
        self._cldr = _cldr(locale, self._house, default)
        self._codelists = codelists
        self._default = default
        self._comma = "،" if base(locale) in ("ar", "fa", "ps", "ur") else ","

    # -- dates and times

    def date(self, day: dt.date) -> str:
        """`23 November 2026`."""
        return self._first(format_date(day, "long", self._cldr), day)

    def full_date(self, day: dt.date) -> str:
        """`Monday 23 November 2026`."""
        return self._first(format_date(day, self._house.full_date or "full", self._cldr), day)

    def day_and_month(self, day: dt.date) -> str:
        """`23 November`."""
        return self._first(format_skeleton("MMMMd", day, locale=self._cldr), day)

    def month(self, day: dt.date) -> str:
        """`November 2026`."""
        return format_skeleton("yMMMM", day, locale=self._cldr)

    def time(self, at: datetime) -> str:
        """The time of day of an aware or local datetime as it stands: `15:30`, « 15 h 30 »."""
        house = self._house
        pattern = house.whole_hour if house.whole_hour and not at.minute else house.time
        return format_datetime(at, pattern, locale=self._cldr) if pattern else _time(at, self._cldr)

    def zone(self, name: str, at: datetime) -> str:
        """The zone `name` at an instant, named, with its distance from UTC: `Tokyo time, UTC+9`, `Dakar time, UTC`."""
        offset = at.astimezone(load_zone(name)).utcoffset() or timedelta()
        minutes = round(abs(offset.total_seconds()) / 60)
        sign = MINUS if offset < timedelta() else "+"
        utc = f"UTC{sign}{minutes // 60}" if minutes else "UTC"
        utc += f":{minutes % 60:02}" if minutes % 60 else ""
        if "/" not in name or name.startswith("Etc/"):
            return utc
        city = self.city(name)
        named = self._house.zone(city) if self._house.zone else str(self._cldr.zone_formats["region"]) % city
        return f"{named}{self._comma} {utc}"

    def city(self, name: str) -> str:
        """The city that stands for a zone, in this language where CLDR has it."""
        for other in _same_zone(name):
            found = self._cldr.time_zones.get(other, {}).get("city")
            if found:
                return str(found)
        return name.rsplit("/", 1)[-1].replace("_", " ")

    def period(self, code: str) -> str:
        """A reference period: `2024`, `2024-Q1` -> `Q1 2024`, « 1er trimestre 2024 », `2024-M03`, `2024-03` ->
        `March 2024`; else as it is."""
        found = _PERIOD.fullmatch(code)
        if not found or not (found[2] or found[4]):
            return code
        month = int(found[4]) if found[4] else 3 * int(found[3]) - 2
        day = dt.date(int(found[1]), month, 1)
        return self.month(day) if found[4] else format_skeleton(self._house.quarter, day, locale=self._cldr)

    # -- numbers

    def number(self, value: float | Decimal, decimals: int | None = None) -> str:
        """`12,345.6`, « 12 345,6 », «12 345,6»; rounded half up to `decimals`, or as precise as it comes."""
        exact = Decimal(str(value))
        if decimals is not None:
            exact = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        exponent = exact.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        house = self._house
        grouped = len(str(abs(int(exact)))) >= house.group_from
        text = format_decimal(
            abs(exact), "#,##0." + "0" * places if places else "#,##0", locale=self._cldr, group_separator=grouped
        )
        if house.group and grouped:
            text = text.replace(str(self._cldr.number_symbols["latn"]["group"]), house.group)
        return f"{MINUS}{text}" if exact < 0 else text

    def percent(self, value: float | Decimal, decimals: int | None = 1) -> str:
        """A value in percent: 5.4 -> `5.4%`, « 5,4 % »."""
        number = self.number(value, decimals)
        if self._house.percent:
            return self._house.percent.format(number)
        pattern = self._cldr.percent_formats[None]
        return f"{number}{pattern.suffix[0].replace('%', str(self._cldr.number_symbols['latn']['percentSign']))}"

    def plural(self, value: float | Decimal) -> int:
        """A whole number whose plural form is that of `value`: what gettext needs for « 1,5 point »."""
        exact = abs(Decimal(str(value)))
        if "." not in str(exact):
            return int(exact)
        wanted = self._cldr.plural_form(exact)
        return next((n for n in range(1, 201) if self._cldr.plural_form(n) == wanted), 2)

    def size(self, count: int) -> str:
        """Bytes, as files are told: `1.2 MB`."""
        unit, size = ("megabyte", count / 1e6) if count >= 1e6 else ("kilobyte", max(1.0, count / 1e3))
        rounded = round(size, 1) if unit == "megabyte" and size < 10 else round(size)
        text = format_unit(rounded, f"digital-{unit}", "short", locale=self._cldr)
        return text.replace(" ", NBSP).replace("kB", "KB" if self._cldr.language == "en" else "kB")

    def minutes(self, count: int) -> str:
        """A length of time: `90 minutes`."""
        return str(format_unit(count, "duration-minute", "long", locale=self._cldr))

    # -- words

    def list(self, texts: Sequence[str]) -> str:
        """`A, B and C`."""
        joined = str(format_list(list(texts), locale=self._cldr))
        if len(texts) > 1 and self._house.join:
            return self._house.join(", ".join(texts[:-1]), texts[-1], joined)
        return joined

    def names(self, texts: Sequence[str]) -> str:
        """`A, B and C`; where a name has a comma or an "and" of its own, apart: `A and B; C`."""
        signs = [",", *(self.list(["o", last])[1:-1] for last in ("o", "i"))]  # in Spanish "y" or "e"
        if len(texts) > 1 and any(sign in text for text in texts for sign in signs):
            return self.apart(texts)
        return self.list(texts)

    def parts(self, texts: Sequence[str]) -> str:
        """`A, B, C`: particulars of one thing."""
        return f"{self._comma} ".join(texts)

    def apart(self, texts: Sequence[str]) -> str:
        """`A; B; C`: things that have commas of their own."""
        return f"{self._house.semicolon} ".join(texts)

    def place(self, code: str) -> str:
        """The name of a country, region or group."""
        return self.aside(self._codelists.places.label(code, self.locale, self._default))

    def kind(self, code: str) -> str:
        """The name of a kind of item, as it stands inside a sentence."""
        return self.aside(self._codelists.kinds.label(code, self.locale, self._default))

    def kinds(self, code: str) -> str:
        """The name of several items of a kind, as it stands inside a sentence."""
        kind = self._codelists.kinds.codes.get(code)
        return self.aside(kind.plural(self.locale, self._default) if kind else code)

    def policy_area(self, code: str) -> str:
        """The name of a policy area."""
        return self.aside(self._codelists.policy_areas.label(code, self.locale, self._default))

    def language(self, tag: str) -> str:
        """The name of a language as it stands inside a sentence: `English`, « anglais »; else the tag."""
        names = self._cldr.languages
        return str(names.get(tag.replace("-", "_")) or names.get(base(tag)) or tag)

    def capitalised(self, text: str) -> str:
        """`text` as it stands at the beginning of a sentence."""
        at = 1 if text[:1] == ISOLATE else 0
        return text[:at] + text[at : at + 1].upper() + text[at + 1 :]

    def aside(self, label: str) -> str:
        """A label that fell back to a language of the other direction keeps its direction to itself."""
        return isolate(label, "ar" if runs_right_to_left(label) else "en", self.locale)

    def _first(self, text: str, day: dt.date) -> str:
        """`text` of a date with the house's first day of a month, and no break after the number of the day."""
        if day.day == 1 and self._house.first_day:
            text = re.sub(r"\b1\b", self._house.first_day, text, count=1)
        return re.sub(r"\b(\d{1,2}(?:er)?) ", rf"\1{NBSP}", text, count=1) if self._house.day_stays else text


@lru_cache(maxsize=64)
def _cldr(locale: str, house: House, default: str) -> Locale:
    for wanted in (house.cldr, locale.replace("-", "_"), base(locale), default, "en"):
        try:
            return Locale.parse(wanted)
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    raise AssertionError("Babel always has English")


def _time(at: datetime, cldr: Locale) -> str:
    from babel.dates import format_time

    return str(format_time(at, "short", locale=cldr))


@lru_cache(maxsize=1024)
def _same_zone(name: str) -> tuple[str, ...]:
    """The names under which CLDR may know a zone: Asia/Kolkata stands there as Asia/Calcutta."""
    from babel.core import get_global

    aliases = get_global("zone_aliases")
    canonical = aliases.get(name, name)
    return (name, *(old for old, new in aliases.items() if new in (name, canonical)), canonical)
