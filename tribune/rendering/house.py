"""House rules per language where they differ from CLDR (decisions.md, 27; look.md). Other languages follow CLDR.

French: Imprimerie nationale, *Lexique des règles typographiques*; Spanish: RAE, *Ortografía* (thousands, `e` and `u`
before a vowel); English: United Nations Editorial Manual (day month year, 24 hours, no comma before "and").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

NBSP = "\u00a0"
NARROW = "\u202f"


@dataclass(frozen=True, slots=True)
class House:
    """Rules of one language. Patterns are CLDR's; `None` or "" means as CLDR has it."""

    cldr: str = ""  # the CLDR locale to follow
    full_date: str = ""
    first_day: str = ""  # how the first day of a month is written
    day_stays: bool = False  # no break between the number of the day and the month
    quarter: str = "yQQQQ"  # written out: an abbreviation is not a word everywhere
    time: str = ""
    whole_hour: str = ""
    group: str = ""
    group_from: int = 0  # digits before the decimal mark from which thousands are set apart
    semicolon: str = ";"
    percent: str = ""  # around a number, as "{}%"
    zone: Callable[[str], str] | None = None  # "Dakar time" of a city's name
    join: Callable[[str, str, str], str] | None = None  # text so far, last item, CLDR's joined text -> joined text


# Plural or articled names of places that stand for a zone: « heure des Bermudes », not « de Bermudes ».
_FRENCH_PLURALS = frozenset({"Bermudes", "Maldives", "Comores", "Canaries", "Açores", "Marquises", "Fidji", "Chagos"})


def _french_zone(city: str) -> str:
    if city.startswith("Le "):
        return f"heure du {city[3:]}"
    if city in _FRENCH_PLURALS or city.startswith(("Les ", "Îles ")):
        return f"heure des {city.removeprefix('Les ')}"
    if city[:1] in "AÀÂEÉÈÊIÎOÔUÜ" or city.startswith("Helsinki"):
        return f"heure d’{city}"
    return f"heure de {city}"


def _spanish_and(before: str, last: str, joined: str) -> str:
    """`e` for `y` before the sound of i: Francia e Irlanda; but agua y hielo, y Yemen."""
    if re.match(r"(?i)h?[ií](?![aeoáéó])", last):
        return f"{before} e {last}"
    return joined


HOUSES: Mapping[str, House] = {
    "en": House(
        cldr="en_GB",
        full_date="EEEE d MMMM y",
        quarter="yQQQ",
        time="HH:mm",
        percent="{}%",
        zone="{} time".format,
    ),
    "fr": House(
        full_date="EEEE d MMMM y",
        first_day="1er",
        day_stays=True,
        time=f"H{NBSP}'h'{NBSP}mm",
        whole_hour=f"H{NBSP}'h'",
        semicolon=f"{NARROW};",
        percent=f"{{}}{NBSP}%",
        zone=_french_zone,
    ),
    "es": House(
        full_date="EEEE d 'de' MMMM 'de' y",
        day_stays=True,
        time="HH:mm",
        group=NBSP,
        group_from=5,
        percent=f"{{}}{NBSP}%",
        join=_spanish_and,
    ),
}
