"""What our mails use against what Gmail and Outlook do, by caniemail's tables.

Each feature that one of them does not support stands here with the reason why the mail is good without it. The list
is exact: a feature that a template begins to use, or no longer uses, fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import mails

CLIENTS = ("gmail", "outlook")

DARK = "dark colours are an addition; without them a client shows the light mail or makes its own"
GOOD_WITHOUT = {
    "css-at-media": "only narrows side padding on phones and holds dark colours",
    "css-at-media-prefers-color-scheme": DARK,
    "css-color-scheme": DARK,
    "html-meta-color-scheme": DARK,
    "css-selector-attribute": f"[data-ogsc] is there for Outlook.com alone; {DARK}",
    "css-selector-class": "used in the head only, for the additions above",
    "css-selector-child": "used in the head only, for the additions above",
    "css-selector-descendant": "used in the head only, for the additions above",
    "css-selector-grouping": "used in the head only, for the additions above",
    "css-pseudo-class-hover": "underlines a title under the mouse; titles are links by colour and place as well",
    "css-border-radius": "Outlook for Windows shows square buttons",
    "css-max-height": "one of several ways to hide the preheader; Outlook takes display:none and mso-hide",
    "css-opacity": "one of several ways to hide the preheader",
    "css-overflow": "one of several ways to hide the preheader",
    "css-word-break": "lets over-long words break; Outlook widens the column instead",
    "css-white-space": "keeps a figure on one line; the no-break space before its unit does the same",
    "css-cursor": "MJML's own, on buttons",
    "html-aria-hidden": "the sign of a change would be read as 'triangle' before the words",
    "html-aria-label": "MJML's own, on the mail's outer element; the title says the same",
    "html-role": "for screen readers; the tables would be announced",
    "css-word-spacing": "MJML’s own, `normal`, which is what a client does anyway",
    "html-doctype": "Outlook for Windows lays out by its own rules, with the tables in conditional comments",
    "html-target": "MJML’s own, on buttons; these clients open links as they always do",
    "html-style": "all that matters stands in the elements",
}

GROUPED = {
    "border-left": "border",
    "border-right": "border",
    "border-top": "border",
    "padding-left": "padding",
    "padding-right": "padding",
    "padding-top": "padding",
}
EVERYWHERE = frozenset(
    {
        "color",
        "font-family",
        "mso-hide",
        "mso-line-height-rule",
        "mso-padding-alt",
        "mso-table-lspace",
        "mso-table-rspace",
        "supported-color-schemes",
    }
)
"""CSS 1, or Outlook's own words that others pass over: caniemail has no pages on them."""

ATTRIBUTES = {
    "dir": "html-dir",
    "lang": "html-lang",
    "role": "html-role",
    "aria-hidden": "html-aria-hidden",
    "aria-label": "html-aria-label",
    "align": "html-align",
    "valign": "html-valign",
    "width": "html-width",
    "cellpadding": "html-cellpadding",
    "cellspacing": "html-cellspacing",
    "target": "html-target",
}
ELEMENTS = {
    "bdi": "html-bdi",
    "h1": "html-h1-h6",
    "h2": "html-h1-h6",
    "h3": "html-h1-h6",
    "p": "html-p",
    "div": "html-div",
    "span": "html-span",
    "strong": "html-strong",
    "table": "html-table",
}
HEAD = {
    r"@media": "css-at-media",
    r"prefers-color-scheme": "css-at-media-prefers-color-scheme",
    r"color-scheme:": "css-color-scheme",
    r'<meta name="color-scheme"': "html-meta-color-scheme",
    r":hover": "css-pseudo-class-hover",
    r"\[data-": "css-selector-attribute",
    r"!important": "css-important",
    r"\.\w+ > ": "css-selector-child",
    r"\] \.": "css-selector-descendant",
    r"\.head-text": "css-selector-class",
    r"h2, h3": "css-selector-grouping",
    r"<style": "html-style",
    r"<!doctype|<!DOCTYPE": "html-doctype",
}


@pytest.fixture(scope="module")
def html() -> str:
    items = (mails.data_release(), mails.publication(), mails.session())
    return mails.html_of(mails.parse(mails.mail(items, "en", more=2).fill(mails.reader(), mails.LINKS)))


@pytest.fixture(scope="module")
def features(shared_data: Path) -> Path:
    return shared_data / "caniemail" / "_features"


def used(html: str) -> set[str]:
    """The names of caniemail's features that a mail uses."""
    head, _, body = html.partition("<body")
    found = {feature for pattern, feature in HEAD.items() if re.search(pattern, head)}
    for style in re.findall(r'style="([^"]*)"', body):
        for declaration in filter(str.strip, style.split(";")):
            name = declaration.partition(":")[0].strip()
            if name not in EVERYWHERE:
                found.add(f"css-{GROUPED.get(name, name)}")
    found |= {ELEMENTS[name] for name in re.findall(r"<([a-z][a-z0-9]*)", body) if name in ELEMENTS}
    return found | {ATTRIBUTES[name] for name in re.findall(r' ([a-z-]+)="', body) if name in ATTRIBUTES}


@cache
def unsupported(page: Path) -> tuple[str, ...]:
    """Where among Gmail and Outlook the newest answer is no: `outlook windows`."""
    front = yaml.safe_load(page.read_text(encoding="utf-8").split("---")[1].replace("\t", "  "))
    stats: dict[str, Any] = front["stats"]
    return tuple(
        f"{client} {platform}"
        for client in CLIENTS
        for platform, versions in stats.get(client, {}).items()
        if str(list(versions.values())[-1]).startswith("n")
    )


def test_every_feature_is_known_to_the_tables(html: str, features: Path) -> None:
    assert {name for name in used(html) if not (features / f"{name}.md").exists()} == set()


def test_what_a_client_does_not_support_is_good_without(html: str, features: Path) -> None:
    lacking = {name: where for name in sorted(used(html)) if (where := unsupported(features / f"{name}.md"))}
    unexplained = {name: where for name, where in lacking.items() if name not in GOOD_WITHOUT}
    assert unexplained == {}
    assert sorted(GOOD_WITHOUT.keys() - lacking.keys()) == []


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    assert not re.findall(r"<(?:img|link|script|iframe|object|video|audio|form|input)\b|url\(|@import|@font-face", html)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("#2d2a3a", "#ffffff"),
        ("#5b5769", "#ffffff"),
        ("#1e2dbe", "#ffffff"),
        ("#230050", "#ffffff"),
        ("#5b5769", "#f6f7f8"),
        ("#1e2dbe", "#f6f7f8"),
        ("#ffffff", "#230050"),
        ("#ddd6ee", "#230050"),
        ("#ffffff", "#1e2dbe"),
        ("#e9e6f2", "#1b1430"),
        ("#b9b4cb", "#1b1430"),
        ("#b3bcff", "#1b1430"),
        ("#ffffff", "#1b1430"),
        ("#b9b4cb", "#110a20"),
        ("#b3bcff", "#110a20"),
        ("#ffffff", "#2b0a5e"),
        ("#ddd6ee", "#2b0a5e"),
        ("#160a30", "#b3bcff"),
    ],
)
def test_text_has_contrast_in_both_themes(html: str, text: str, ground: str) -> None:
    assert text in html and ground in html
    assert contrast(text, ground) >= 4.5


class _Balance(HTMLParser):
    """Notes tags that close what is not open."""

    VOID = frozenset({"meta", "br", "img", "link", "hr", "o:allowpng"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.wrong.append(f"</{tag}> in {self.open[-3:]}")


def as_outlook(html: str) -> str:
    """What Outlook for Windows reads: its own conditional comments opened, the others' parts taken out."""
    without = re.sub(r"<!--\[if !mso\]><!-->.*?<!--<!\[endif\]-->", "", html, flags=re.DOTALL)
    return re.sub(r"<!--\[if (?:lte )?mso[^\]]*\]>(.*?)<!\[endif\]-->", r"\1", without, flags=re.DOTALL)


@pytest.mark.parametrize("read", [as_outlook, str], ids=["outlook", "others"])
@pytest.mark.parametrize("count", [1, 2, 12])
def test_joined_fragments_are_whole_html_for_every_client(read: Callable[[str], str], count: int) -> None:
    items = [mails.data_release(), mails.session(), *(mails.publication(n) for n in range(10, 20))][:count]
    html = mails.html_of(mails.parse(mails.mail(items, "fr", more=count - 1).fill(mails.reader(), mails.LINKS)))
    balance = _Balance()
    balance.feed(read(html))
    assert balance.wrong == [] and balance.open == []
