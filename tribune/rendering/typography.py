"""The house's typography as rules that a text keeps or breaks: held by a test over every catalogue (look.md).

Places such as %(name)s, addresses and `code` are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tribune.rendering.house import NARROW, NBSP
from tribune.rendering.locales import base

_PASSED_OVER = re.compile(r"`[^`]*`|https?://\S+|[\w.+-]+@[\w.-]+|<[^<>]*>|&\w+;")
_PLACE = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}")

Rule = tuple[re.Pattern[str], str]


def _rule(pattern: str, fault: str) -> Rule:
    return re.compile(pattern), fault


_EVERYWHERE = (
    _rule(r'"', "an ASCII quotation mark"),
    _rule(r"\w'\w|(?<!\w)'\w|\w'(?!\w)", "an ASCII apostrophe; write ’"),
    _rule(r"\.\.\.", "three dots; write …"),
    _rule(r"  +", "two spaces"),
    _rule(r"[ \u00a0\u202f]+[,.](?!\d)", "a space before a comma or full stop"),
    _rule(r"\s$|^\s", "a space at an end"),
    _rule(r"\w ?--? ?-?(?=\s)", "a hyphen used as a dash; write –"),
)
_FRENCH = (
    _rule(f"«(?!{NBSP})", "« without a no-break space after it"),
    _rule(f"(?<!{NBSP})»", "» without a no-break space before it"),
    _rule(f"(?<![{NBSP}\\d]):(?!//)", "a colon without a no-break space before it"),
    _rule(f"(?<!{NARROW})[;!?](?![;!?])", "; ! or ? without a narrow no-break space before it"),
    _rule(f"(?<![{NBSP}{NARROW}])%(?!\\()", "% without a no-break space before it"),
    _rule(r"“|”", "English quotation marks; write « »"),
    _rule(r"(?<!\d)\d{1,3}[.,' ]\d{3}(?!\d)", "thousands not set apart by a narrow no-break space"),
    _rule(
        r"(?i)\b1 (janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)", "1 for 1er"
    ),
    _rule(r"\b(A|Etat|Etats|Ecole|Etude|Egalité|Evénement|Edition)\b(?=\s)", "a capital without its accent"),
)
_MONTHS = "Enero|Febrero|Marzo|Abril|Mayo|Junio|Julio|Agosto|Septiembre|Octubre|Noviembre|Diciembre"
_SPANISH = (
    _rule(r"\s[:;!?»]", "a space before a closing mark"),
    _rule(r"[¿¡«]\s", "a space after an opening mark"),
    _rule(r"“[^”]*”(?![^«]*»)", "“ ” before « »"),
    _rule(f"(?<![{NBSP}{NARROW}])%(?!\\()", "% without a no-break space before it"),
    _rule(r"(?<!\d)\d{1,3}[.,]\d{3}(?!\d)", "thousands set apart by a mark"),
    _rule(rf"(?<![.¡¿] )(?<!^)\b({_MONTHS})\b", "a month with a capital"),
)
_ENGLISH = (_rule(r"\s[:;!?]", "a space before a closing mark"), _rule(r"«|»", "French quotation marks; write “ ”"))
_RULES = {"fr": _FRENCH, "es": _SPANISH, "en": _ENGLISH}


def faults(text: str, language: str) -> list[str]:
    """What breaks the house's rules in `text`, in words; an empty list where nothing does."""
    seen = _PLACE.sub("0", _PASSED_OVER.sub("0", text))
    rules = (*_EVERYWHERE, *_RULES.get(base(language), ()))
    found = [fault for pattern, fault in rules if pattern.search(seen)]
    if base(language) == "es":
        found += _unopened(seen)
    return found


def _unopened(text: str) -> Iterator[str]:
    """Spanish opens what it closes."""
    for opening, closing in ("¿?", "¡!"):
        if text.count(opening) != text.count(closing):
            yield f"{closing} without {opening}"
