"""Texts that staff write, with a few marks of Markdown: paragraphs, headings, lists, bold, italics, links.

    ## A heading                  a paragraph ends at an empty line
    - a point                     1. a numbered point
    **bold**, *italics*, [the words of a link](https://observatory.example/page), https://observatory.example
    [Take part](https://...)      a link alone in its paragraph is shown as a button

Whatever else stands there is text; what people would take for a mark that we do not have is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from tribune.rendering.text import clean

MAX_BLOCKS = 200


class Span(NamedTuple):
    """A run of text of one look; `link` "" for none."""

    text: str
    link: str = ""
    strong: bool = False
    stressed: bool = False


class Look(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    BULLETS = "bullets"
    NUMBERS = "numbers"
    BUTTON = "button"


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its lines are one, but for lists, where each is a point."""

    look: Look
    lines: tuple[tuple[Span, ...], ...]

    @property
    def plain(self) -> str:
        """Its words without marks."""
        return " ".join("".join(span.text for span in line) for line in self.lines)


class Wrong(NamedTuple):
    """Something that cannot stand in such a text: in which line (from 1), what, and what to do."""

    line: int
    what: str
    hint: str


_HEADING = re.compile(r"#{2,3}\s+(.+)")
_BULLET = re.compile(r"[-*•]\s+(.+)")
_NUMBER = re.compile(r"\d{1,3}[.)]\s+(.+)")
_LINK = r"\[(?P<words>[^\[\]]+)\]\((?P<to>[^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)"
_INLINE = re.compile(
    r"\\(?P<plain>[\\*_\[\]#-])|" + _LINK + r"|\*\*(?P<strong>\*?[^\s*](?:.{0,1000}?\S)?)\*\*(?!\*)"
    r"|(?<![\w*])\*(?P<stressed>\S(?:[^*]*\S)?)\*(?![\w*])"
    r"|(?P<bare>https?://[^\s<>\"]*[^\s<>\".,;:!?)\]»”’])"
)
_ALONE = re.compile(_LINK)
_MAIL = re.compile(r"mailto:[^\s<>()\[\],;:\"\\@?&]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_FAULTS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"!\[[^\]]*\]\("), "a picture cannot stand here.", "Link to the page that shows it."),
    (re.compile(r"</?[A-Za-z][^>]*>|<!--"), "HTML cannot stand here.", "Use the marks that docs/campaigns.md lists."),
    (re.compile(r"\{\{|\{%|%\(\w+\)s|\[\[\w+"), "there are no placeholders.", "The mail's head names its reader."),
    (re.compile(r"^\s*(```|~~~)"), "blocks of code cannot stand here.", "Write it as a paragraph."),
    (re.compile(r"^\s*#(?!#)\s+\S"), "the subject is the mail's title already.", "Begin headings with ##."),
    (re.compile(r"^\s*\|.*\|\s*$"), "tables cannot stand here.", "Write it as a list, or link to it."),
    (re.compile(r"^\s*>"), "quotations cannot stand here.", "Use quotation marks."),
)


def blocks(text: str) -> tuple[Block, ...]:
    """The text taken apart."""
    return tuple(_blocks(text))


def faults(text: str) -> list[Wrong]:
    """What cannot stand in it, in order."""
    found = [
        Wrong(number, what, hint)
        for number, line in enumerate(text.split("\n"), 1)
        for pattern, what, hint in _FAULTS
        if pattern.search(line)
    ]
    for number, line in enumerate(text.split("\n"), 1):
        for link in re.finditer(_LINK, line):
            if not fit(link["to"]):
                hint = "Write it with https:// (or mailto: and an address)."
                found.append(Wrong(number, f"{link['to'][:80]!r} is no address that a mail may link to.", hint))
    if sum(1 for _ in _blocks(text)) > MAX_BLOCKS:
        found.append(Wrong(1, f"there are more than {MAX_BLOCKS} paragraphs.", "Link to a page that says it all."))
    return sorted(found)


def fit(address: str) -> bool:
    """Whether a text may link to this: http(s), or mailto: with one address and nothing else."""
    if not address.isprintable() or any(character in '<>"\\' or character.isspace() for character in address):
        return False
    if address.startswith("mailto:"):
        return bool(_MAIL.fullmatch(address))
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def _blocks(text: str) -> Iterator[Block]:
    for paragraph in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")):
        open_: list[str] = []
        look = Look.PARAGRAPH
        for line in filter(None, map(clean, paragraph.split("\n"))):
            of_line, words = _line(line)
            goes_on = of_line is Look.PARAGRAPH and look in (Look.BULLETS, Look.NUMBERS) and open_
            if goes_on:
                open_[-1] = f"{open_[-1]} {words}"
                continue
            if open_ and (of_line is not look or of_line is Look.HEADING):
                yield _block(look, open_)
                open_ = []
            look = of_line
            open_.append(words)
        if open_:
            yield _block(look, open_)


def _line(line: str) -> tuple[Look, str]:
    for look, pattern in ((Look.HEADING, _HEADING), (Look.BULLETS, _BULLET), (Look.NUMBERS, _NUMBER)):
        if found := pattern.fullmatch(line):
            return look, found[1]
    return Look.PARAGRAPH, line


def _block(look: Look, lines: list[str]) -> Block:
    if look is Look.PARAGRAPH:
        whole = " ".join(lines)
        alone = _ALONE.fullmatch(whole)
        if alone and alone["to"].startswith("http") and fit(alone["to"]):
            return Block(Look.BUTTON, ((Span(alone["words"], alone["to"]),),))
        lines = [whole]
    return Block(look, tuple(tuple(_spans(line)) for line in lines))


def _spans(text: str, strong: bool = False, stressed: bool = False) -> Iterator[Span]:
    at, run = 0, ""
    for found in _INLINE.finditer(text):
        run += text[at : found.start()]
        at = found.end()
        if found["plain"]:
            run += found["plain"]
            continue
        address = found["to"] or found["bare"]
        again = (found["strong"] and strong) or (found["stressed"] and stressed)  # bold within bold: but asterisks
        if again or (address and not fit(address)):
            run += found[0]
            continue
        if run:
            yield Span(run, "", strong, stressed)
            run = ""
        if found["to"]:
            words = "".join(span.text for span in _spans(found["words"]))
            yield Span(words, found["to"], strong, stressed)
        elif found["bare"]:
            yield Span(found["bare"], found["bare"], strong, stressed)
        elif found["strong"]:
            yield from _spans(found["strong"], True, stressed)
        else:
            yield from _spans(found["stressed"], strong, True)
    if run + text[at:]:
        yield Span(run + text[at:], "", strong, stressed)
