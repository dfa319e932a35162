"""Plain text made fit to be shown: cleaned, isolated for direction, cut at a sentence."""

from __future__ import annotations

import re
import unicodedata

from tribune.rendering.locales import base, direction

# Controls, lone surrogates, private use and non-characters; marks that force or embed a direction (Unicode TR 36).
_UNFIT = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\uffff]"
    "|[\U000f0000-\U0010ffff]"
)
_SPACES = re.compile(r"[ \t\n\r\x0b\x0c\x85\u2028\u2029]+")
_PLAIN = re.compile(r"[ -~]*")
_NEAT = re.compile(r"\w+(?:[ '’.-]\w+)*")
"""What most names look like: words, with one mark between two of them. There is nothing to clean but to compose."""

ISOLATE, END_ISOLATE = "\u2068", "\u2069"

# A sentence ends at one of these marks, its closing quotes included, before a space and what begins a sentence.
_END = re.compile(r"(?:[.!?…؟。！？]+[\u00a0\u202f]?[»”’\")\]]*)(?=\s+[«“‘\"(\[¿¡]*\s?[^\W_a-zà-öø-ÿ]|\s*$)")
_SUBTITLE = re.compile(r"[\s\u00a0\u202f]*:\s|\s[–—-]\s|(?<=[?!؟])\s")
SHORTEST_TITLE = 12
# Articles, prepositions and the like that would hang in the air before an ellipsis: "of the", « de l’ ».
_HANGING = re.compile(r"(?:[\s\u00a0]+[a-zà-öø-ÿ]{1,3}['’]?)+$")
_ABBREVIATIONS = frozenset(
    {
        *(
            "e.g",
            "i.e",
            "etc",
            "cf",
            "vs",
            "no",
            "nos",
            "vol",
            "vols",
            "p",
            "pp",
            "ed",
            "eds",
            "art",
            "fig",
            "ch",
            "sec",
        ),
        *("dr", "mr", "mrs", "ms", "prof", "st", "jr", "al", "approx", "para", "paras", "ca", "op", "cit", "rev"),
        *("m", "mm", "mme", "mlle", "n", "éd", "chap", "env", "av", "ap", "ex", "par", "réf", "rés"),
        *(
            "sr",
            "sra",
            "srta",
            "dra",
            "ud",
            "uds",
            "núm",
            "pág",
            "págs",
            "cap",
            "aprox",
            "ej",
            "c",
            "a.c",
            "d.c",
            "ee",
            "uu",
        ),
    }
)


def clean(text: str) -> str:
    """`text` on one line, composed (NFC), without controls, surrogates, private use or forced directions."""
    if _PLAIN.fullmatch(text) and "  " not in text:
        return text.strip()
    return unicodedata.normalize("NFC", _SPACES.sub(" ", _UNFIT.sub("", text))).strip()


def clean_name(name: str) -> str:
    """A name as `clean`, "" where nothing of it can be seen."""
    if _NEAT.fullmatch(name) and unicodedata.is_normalized("NFC", name):
        return name
    name = clean(name)
    if name.isascii() or any(unicodedata.category(character)[0] not in "CZM" for character in name):
        return name
    return ""


def isolate(text: str, language: str, locale: str) -> str:
    """`text` inside marks that keep its direction to itself, where it differs from that of `locale`."""
    if direction(language) == direction(locale) or not text:
        return text
    return f"{ISOLATE}{text}{END_ISOLATE}"


def runs_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def cut_at_sentence(text: str, limit: int, longest: int = 0) -> str:
    """As many whole sentences as fit into `limit` characters, or the first one if it is not longer than `longest` (a
    third more than `limit` where none is given); else whole words and an ellipsis."""
    text = clean(text)
    if len(text) <= limit:
        return text
    enough, most, best = limit // 3, longest or limit * 4 // 3, 0
    for mark in _END.finditer(text):
        if mark.end() > limit and (best >= enough or mark.end() > most):
            break
        if not _abbreviated(text[: mark.start()], mark.group()):
            best = mark.end()
    return text[:best].strip() if best >= enough else cut_at_word(text, limit)


def cut_at_word(text: str, limit: int) -> str:
    """Whole words in `limit` characters, an ellipsis included where something is left out; no short word before it."""
    text = clean(text)
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    if not text[limit - 1].isspace() and (space := kept.rfind(" ")) > limit // 2:
        kept = kept[:space]
    if (hanging := _HANGING.search(kept)) and hanging.start() > limit // 2:
        kept = kept[: hanging.start()]
    while kept and unicodedata.combining(text[len(kept)]):
        kept = kept[:-1]
    return kept.rstrip(" ,;:.–—-\u00a0\u202f(«“") + "…"


def short_title(title: str, limit: int) -> str:
    """A title in `limit` characters: whole, else without its subtitle, else cut at a word."""
    title = clean(title)
    if len(title) <= limit:
        return title
    main = _SUBTITLE.split(title, maxsplit=1)[0]
    return cut_at_word(main if len(main) >= SHORTEST_TITLE else title, limit)


def _abbreviated(before: str, mark: str) -> bool:
    if not mark.startswith(".") or len(mark) > 1:
        return False
    word = re.split(r"[\s(«“\"\u00a0\u202f]", before)[-1]
    return (
        word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isupper()) or bool(re.fullmatch(r"(\w\.)+\w", word))
    )


def same_language(one: str, other: str) -> bool:
    """Whether two tags share their base language."""
    return base(one) == base(other)
