"""Names as somebody hears them on the telephone: without case, accents and apostrophes. Pure.

What is looked for becomes a regular expression that PostgreSQL and Python read alike: each letter stands for all that
are written so with or without a mark, `ss` for `ß` too, and between two letters there may be an apostrophe.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from tribune.domain.codelists import fold

MOST_WORDS = 5
LONGEST_WORD = 60
_APOSTROPHES = "'’‘ʼ`´′"
_BEGINS = f'(?:^|[ .,(/"«-]|[{_APOSTROPHES}])'
"""A word begins there. Neither engine is asked what a letter is: PostgreSQL's answer depends on its collation."""
_WITHIN = re.compile(rf"(?<=\w)[{_APOSTROPHES}](?=\w)")
_WORD = re.compile(r"\w+")
_RANGES = (range(0x41, 0x530), range(0x1E00, 0x2000))
"""Latin, Greek and Cyrillic letters, with those that bear marks."""


def patterns(told: Sequence[str]) -> list[str]:
    """For each of the words, up to MOST_WORDS of them, what a name matches in which a word begins so."""
    plain = (_WITHIN.sub("", unicodedata.normalize("NFC", text)) for text in told)
    words = [word for text in plain for word in _WORD.findall(text)]
    return [_BEGINS + f"[{_APOSTROPHES}]?".join(_letters(word[:LONGEST_WORD])) for word in words[:MOST_WORDS]]


def _letters(word: str) -> Iterator[str]:
    key = fold(word).replace(" ", "") or word
    alike = _alike()
    while key:
        several = alike.get(key[:2]) if len(key) > 1 else None
        if several:
            yield f"(?:{_one(key[0])}{_one(key[1])}|[{several}])"
            key = key[2:]
        else:
            yield _one(key[0])
            key = key[1:]


def _one(letter: str) -> str:
    return f"[{_alike().get(letter) or ''.join(sorted({letter, letter.lower(), letter.upper()[:1]}))}]"


@cache
def _alike() -> dict[str, str]:
    """Letters that are folded to the same one, or to the same two (ss: ß)."""
    found: dict[str, str] = {}
    for code in (code for range_ in _RANGES for code in range_):
        if (letter := chr(code)).isalpha() and 1 <= len(key := fold(letter)) <= 2:
            found[key] = found.get(key, "") + letter
    return found
