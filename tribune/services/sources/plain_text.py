"""Plain text from what sources send: markup off, entities read once, blanks in order, nothing that is not text."""

from __future__ import annotations

import html
import re
import unicodedata

MAX_TITLE = 500
MAX_ABSTRACT = 6_000

_BREAKS = re.compile(
    r"<\s*(?:br|hr)\s*/?>|</?\s*(?:p|div|li|ul|ol|dl|dt|dd|h[1-6]|tr|table|blockquote|section|article|figure|figcaption"
    r"|pre|header|footer|aside)\b[^<>]*>",
    re.IGNORECASE,
)
_CELLS = re.compile(r"</?\s*t[dh]\b[^<>]*>", re.IGNORECASE)
# Soft hyphens, zero-width and direction overrides: they hide words or turn a line round. Marks (LRM, RLM) may stay.
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
# No-break spaces are typography and stay; every other blank is one space.
_BLANKS = re.compile(r"[^\S\u00a0\u202f\n]+")
_LONGEST_MARKUP = 1_000_000


def line(text: str, limit: int = MAX_TITLE) -> str:
    """`text` as one line of at most `limit` characters, cut at a word with an ellipsis."""
    return _cut(" ".join(_clean(text).split("\n")), limit)


def paragraphs(text: str, limit: int = MAX_ABSTRACT) -> str:
    """`text` as paragraphs set apart by one line break each."""
    return _cut("\n".join(part.strip(" ") for part in _clean(text).split("\n") if part.strip()), limit)


def from_html(markup: str) -> str:
    """The text of an HTML fragment, blocks set apart by line breaks; what a reader would not see is left out."""
    import nh3

    told = markup[:_LONGEST_MARKUP]
    told = re.sub(r"\s+", " ", told) if "\n" in told or "\t" in told or "\r" in told else told
    told = _CELLS.sub(" ", _BREAKS.sub("\n", told))
    bare = nh3.clean(told, tags=set(), clean_content_tags={"script", "style", "template", "iframe", "noscript"})
    return html.unescape(bare)


def _clean(text: str) -> str:
    told = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    told = told.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    kept = "".join(c for c in told if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") or c == "\t")
    return _BLANKS.sub(" ", kept).strip()


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    at_word = head.rsplit(None, 1)[0] if len(head.rsplit(None, 1)) == 2 else head
    return (at_word if len(at_word) > limit // 2 else head) + "…"


def counted(number: int, one: str, many: str) -> str:
    """`1 record`, `1,200 records`: English, for staff."""
    return f"{number:,} {one if number == 1 else many}"
