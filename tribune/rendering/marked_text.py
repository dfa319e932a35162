"""Texts that staff write, with a few marks of Markdown: paragraphs, headings, lists, bold, italics, links.

markdown-it-py takes them apart, as CommonMark has it, with all else of it switched off; docs/campaigns.md lists the
marks. What is no mark of ours is text; what people would take for one is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

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


_LOOKS = {"heading_open": Look.HEADING, "bullet_list_open": Look.BULLETS, "ordered_list_open": Look.NUMBERS}
_MAIL = re.compile(r"mailto:[^\s<>()\[\],;:\"\\@?&]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_BARE = re.compile(r"https?://[^\s<>\"\\\[\]]*[^\s<>\"\\\[\].,;:!?)»”’*]")
_ANGLED = re.compile(r"<(?:mailto:)?([^\s<>@:]+@[^\s<>@:]+)>|<([A-Za-z][A-Za-z0-9+.-]+:[^\s<>]*)>")
"""An address in angle brackets: of a mailbox, or another."""
_SHOWN = re.compile(rf"(?:{_BARE.pattern})|www\.[^\s<>\"]*[\w/]|[^\s<>@:()]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
"""An address that readers see."""
_ITSELF = "autolink"
"""As markdown-it marks a link that is its own words."""
_WORDS = (
    (re.compile(r"\{\{|\{%|%\(\w+\)s|\[\[\w+"), "there are no placeholders.", "The mail's head names its reader."),
    (re.compile(r"^\s*[•‣▪]\s"), "this begins no point of a list.", "Write a hyphen instead."),
    (re.compile(r"\[\s*\]\("), "a link has no words.", "Write between the brackets what is behind it."),
)
_LEFT = (
    (
        re.compile(r"\]\(|\]\s+\(\s*(?:\x01|mailto:)"),
        "this is no link yet.",
        "Write [words](https://...) without any space between ] and (, or in the address (there it is %20).",
    ),
    (
        re.compile(r"\]\["),
        "links by number or name cannot stand here.",
        r"Write [words](https://...); where it is no link, a space between the brackets, or \[ and \].",
    ),
    (
        re.compile("`"),
        "code cannot stand here.",
        r"Use quotation marks, or an apostrophe; for the sign itself write \`.",
    ),
    (re.compile("~~"), "nothing can be struck out here.", r"Leave it out; for the signs themselves write \~\~."),
)
"""Marks of others, where they are left over as text."""
_TOKENS = {
    "image": ("a picture cannot stand here.", "Link to the page that shows it."),
    "html_inline": ("HTML cannot stand here.", "Use the marks that docs/campaigns.md lists."),
    "html_block": ("HTML cannot stand here.", "Use the marks that docs/campaigns.md lists."),
    "fence": ("blocks of code cannot stand here.", "Write it as a paragraph."),
    "table_open": ("tables cannot stand here.", "Write it as a list, or link to it."),
    "blockquote_open": ("quotations cannot stand here.", "Use quotation marks."),
    "hr": ("a line across cannot stand here.", "Begin a new part with a heading: ##."),
}


def blocks(text: str) -> tuple[Block, ...]:
    """The text taken apart."""
    return tuple(_blocks(_MARKS.parse(_tidy(text))))


def faults(text: str) -> list[Wrong]:
    """What cannot stand in it, in order."""
    text = _tidy(text)
    found = {
        Wrong(number, what, hint)
        for number, line in enumerate(text.split("\n"), 1)
        for pattern, what, hint in _WORDS
        if pattern.search(line)
    }
    tokens = _ALL.parse(text)
    for token in tokens:
        number = token.map[0] + 1 if token.map else 0
        for one in (token, *(token.children or ())):
            number += one.type in ("softbreak", "hardbreak")
            if wrong := _refused(one):
                found.add(Wrong(number, *wrong))
        if token.type == "inline" and token.map:
            found.update(_misleading(token.children or (), token.map[0] + 1))
            found.update(_left_over(token.children or (), token.map[0] + 1))
    if sum(token.level == 0 and token.nesting == 1 for token in tokens) > MAX_BLOCKS:
        found.add(Wrong(1, f"there are more than {MAX_BLOCKS} paragraphs.", "Link to a page that says it all."))
    return sorted(found)


def fit(address: str) -> bool:
    """Whether a text may link to this: http(s), or mailto: with one address and nothing else."""
    if not address.isprintable() or re.search(r'[<>"\\\s]', address):
        return False
    if address.startswith("mailto:"):
        return bool(_MAIL.fullmatch(address))
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def _bare(state: StateInline, silent: bool) -> bool:
    """The rule for an address that stands for itself (markdown-it's own asks for one more library)."""
    found = None if silent or state.linkLevel else _BARE.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if fit(found[0]):
        _link(state, found[0], found[0])
    else:
        state.append_pending(found[0])
    state.pos = found.end()
    return True


def _angled(state: StateInline, silent: bool) -> bool:
    """The rule for an address in angle brackets (markdown-it's own encodes what readers see)."""
    found = None if state.linkLevel else _ANGLED.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    mailbox, other = found.groups()
    address = f"mailto:{mailbox}" if mailbox else other
    if not silent and state.md.validateLink(address):
        _link(state, address, mailbox or other)
    elif not silent:
        state.append_pending(found[0])
    state.pos = found.end()
    return True


def _link(state: StateInline, address: str, words: str) -> None:
    """An address that stands for itself."""
    link = state.push("link_open", "a", 1)
    link.attrs, link.markup = {"href": address}, _ITSELF
    told = state.push("text", "", 0)
    told.content, told.markup = words, _ITSELF
    state.push("link_close", "a", -1)


def _left_over(tokens: Sequence[Token], first: int) -> Iterator[Wrong]:
    """What is still text in a paragraph that begins in line `first`, and was meant as a mark."""
    told = ""
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            told += "\n"
        elif token.type == "text":
            told += "\x01" if token.markup == _ITSELF else token.content
        elif not token.type.startswith("link_"):  # a character that is escaped, a mark
            told += "\x00"
    for pattern, what, hint in _LEFT:
        for found in pattern.finditer(told):
            yield Wrong(first + told.count("\n", 0, found.start()), what, hint)


def _misleading(tokens: Sequence[Token], first: int) -> Iterator[Wrong]:
    """Links whose words are the address of something else, in a paragraph that begins in line `first`."""
    line, link, words = first, "", ""
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            line, words = line + 1, f"{words} "
        elif token.type == "link_open":
            link, words = ("" if token.markup == _ITSELF else str(token.attrs["href"])), ""
        elif token.type == "link_close":
            shown = next((found[0] for found in _SHOWN.finditer(words) if not _leads_to(found[0], link)), "")
            if link and shown:
                what = f"a link shows {shown[:80]!r} and leads to {link[:80]!r}."
                yield Wrong(line, what, "Write in words what is behind it, or the same address.")
        else:
            words += token.content


def _leads_to(shown: str, link: str) -> bool:
    """Whether somebody who reads this address comes to it; the end of a long one may be left out."""
    if "://" not in shown and not shown.lower().startswith("www."):
        return link.startswith("mailto:") and shown.lower() == unquote(link).removeprefix("mailto:").lower()
    mine, other = (_bare_address(one) for one in (shown, link))
    host = mine.partition("/")[0]
    return host == other.partition("/")[0] and other.startswith(mine)


def _bare_address(address: str) -> str:
    told = address if "://" in address else f"https://{address}"
    head, slash, path = unquote(_ALL.normalizeLink(told)).partition("://")[2].partition("/")
    return head.lower().removeprefix("www.") + slash * bool(path) + path.removesuffix("/")


def _parser(links: Callable[[str], bool], rules: str) -> MarkdownIt:
    # The limit bounds how often brackets within brackets are looked at.
    parser = MarkdownIt("zero", {"html": True, "maxNesting": 4})
    parser.validateLink = links  # type: ignore[assignment]
    parser.inline.ruler.before("text", "bare", _bare)
    parser.inline.add_terminator_char("h")
    parser.inline.ruler.at("autolink", _angled)
    parser.enable(["heading", "list", "newline", "escape", "link", "autolink", *rules.split()])
    parser.parse("warm")  # rules are compiled at their first use, which must not happen in two threads at once
    return parser


_MARKS = _parser(fit, "emphasis")
_ALL = _parser(lambda address: True, "image html_inline html_block fence table blockquote hr lheading")
_ALL.disable("text_join")  # so that a character that is escaped stays apart


def _tidy(text: str) -> str:
    """Each line cleaned, behind its indent."""
    return re.sub(r"[^ \t\n].*", lambda line: clean(line[0]), re.sub(r"\r\n?", "\n", text))


def _refused(token: Token) -> tuple[str, str] | None:
    if token.type == "heading_open" and token.markup not in ("##", "###"):
        return "headings begin with ## or ###.", "The mail's title is its subject."
    if token.type in _LOOKS and token.level:
        return "this cannot stand within a point of a list.", "Write it before or after the list."
    if token.type == "ordered_list_open" and (first := token.attrs.get("start")) is not None:
        return "numbered lists begin with 1.", f"Where this is no list, write {first}\\{token.markup}"
    if token.type == "link_open" and not fit(address := str(token.attrs["href"])):
        what = f"{address[:80]!r} is no address that a mail may link to."
        if token.markup == _ITSELF:
            return what, r"Write <https://...> or <name@example.org>; where it is no link, \< for the first sign."
        return what, "Write it with https:// (or mailto: and an address)."
    return _TOKENS.get(token.type)


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    look, lines = Look.PARAGRAPH, list[list[Token]]()
    for token in tokens:
        if token.level == 0 and token.nesting == 1:
            look, lines = _LOOKS.get(token.type, Look.PARAGRAPH), [[]]
        if token.type == "list_item_open":
            lines.append([])
        if token.type == "inline":  # a second paragraph of a point goes on in its line
            lines[-1] += [Token("softbreak", "br", 0)] * bool(lines[-1]) + (token.children or [])
        if token.level == 0 and token.nesting == -1 and (told := tuple(filter(None, map(_spans, lines)))):
            (first, *more) = told[0]
            button = look is Look.PARAGRAPH and not more and first.link.startswith("http") and first.text != first.link
            yield Block(Look.BUTTON, ((Span(first.text, first.link),),)) if button else Block(look, told)


def _spans(tokens: Sequence[Token]) -> tuple[Span, ...]:
    """Runs of one look; the words of a link are one."""
    link, marks, runs = "", {"strong": 0, "em": 0}, list[Span]()
    for token in tokens:
        mark = token.type.partition("_")[0]
        if mark == "link":
            link = str(token.attrs.get("href", ""))
        elif mark in marks:
            marks[mark] += 0 if link else token.nesting
        elif text := " " if mark in ("softbreak", "hardbreak") else token.content:
            runs.append(Span(text, link, marks["strong"] > 0, marks["em"] > 0))
    return tuple(Span("".join(run.text for run in same), *look) for look, same in groupby(runs, lambda run: run[1:]))
