"""What sources call a language -> the tag under which the house keeps it.

The tag is a BCP 47 language, without region: a reader of French reads fr-CA. A script is kept where a reader of
the language does not read it as a matter of course (zh-Hant). Sources: RFC 5646, ISO 639.
"""

from __future__ import annotations

import re
from functools import cache

from tribune.domain.codelists import fold
from tribune.domain.language_codes import THREE_LETTERS, TWO_LETTERS

_TAG = re.compile(r"([a-z]{2,3})(?:-[a-z]{3})?(?:-([a-z]{4}))?(?:-(?:([a-z]{2})|[0-9]{3}))?(?:-[a-z0-9]{1,8})*")
_KEPT_SCRIPTS = {"zh": {"hant"}, "sr": {"latn"}, "az": {"cyrl"}, "uz": {"cyrl"}}
_TRADITIONAL = frozenset({"tw", "hk", "mo"})  # Chinese there is written in the traditional script


@cache
def _tables() -> tuple[dict[str, str], dict[str, str]]:
    codes = {code: code for code in THREE_LETTERS.split()}
    names: dict[str, str] = {}
    for line in TWO_LETTERS.strip().splitlines():
        told, _, named = line.partition(":")
        tag, *others = told.split()
        codes |= dict.fromkeys((tag, *others), tag)
        for name in named.split(","):
            names.setdefault(fold(name), tag)
    return codes, names


def tag(text: str) -> str:
    """`en_US`, `eng`, `English`, `Anglais`, `lexvo/eng` -> `en`; "" for what names no language (und, mul, xx)."""
    told = text.strip()
    if not told or len(told) > 60:
        return ""
    codes, names = _tables()
    # http://id.loc.gov/vocabulary/iso639-2/eng and the like end in the code.
    bare = told.rstrip("/").rpartition("/")[2].lower().replace("_", "-")
    found = _TAG.fullmatch(bare)
    if found and found[1] in codes:
        language, script, region = codes[found[1]], found[2] or "", found[3] or ""
        if language == "zh" and not script and region in _TRADITIONAL:
            script = "hant"
        return f"{language}-{script.title()}" if script in _KEPT_SCRIPTS.get(language, ()) else language
    return names.get(fold(told), "")
