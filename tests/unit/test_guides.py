"""The guides of docs/guides: set as the house sets its texts, and there in each of its languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tribune.rendering.typography import faults

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
_MARKS = (
    (re.compile(r"<!--.*?-->"), ""),
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),  # a picture or a link: its words
    (re.compile(r"^(#+|[-*>]|\d+\.) +"), ""),
    (re.compile(r"\*+|^\|? *|  $"), ""),
    (re.compile(r" *\|(?= |$) *"), "\n"),  # cells of a table
)


def language(name: str) -> str:
    """`fr` of subscriber.fr.md; a guide for staff, which stands there once, is English."""
    return name.removesuffix(".md").partition(".")[2] or "en"


def sentences(markdown: str) -> Iterator[str]:
    """What a reader sees of it, line by line, without the signs of Markdown."""
    code = False
    for line in markdown.splitlines():
        code ^= line.startswith("```")
        if code or line.startswith("```") or not re.search(r"\w", line):
            continue
        for sign, seen in _MARKS:
            line = sign.sub(seen, line)
        yield from (cell for cell in line.split("\n") if cell)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_guide_keeps_the_house_s_typography(guide: Path) -> None:
    lines = list(sentences(guide.read_text(encoding="utf-8")))
    assert len(lines) > 20
    assert {line: found for line in lines if (found := faults(line, language(guide.name)))} == {}


def test_readers_have_their_guide_in_each_language() -> None:
    whose = {(path.name.partition(".")[0], language(path.name)) for path in GUIDES}
    assert {("subscriber", locale) for locale in ("en", "fr", "es")} <= whose


@pytest.mark.parametrize(
    ("locale", "markdown"),
    [
        ("fr", "- **moins souvent** : une fois"),
        ("fr", "Pourquoi [ce lien](subscriber.en.md) ?"),
        ("fr", "![Le formulaire : des thèmes](../images/a-fr.png)"),
        ("fr", "## « Faire une pause »"),
        ("fr", "*l'emploi*"),
        ("fr", "| un | deux ; trois |"),
        ("es", "**Qué hacer?**"),
        ("es", "![El formulario : temas](../images/a-es.png)"),
        ("es", "« empleo »"),
        ("es", "1. Vaya!"),
        ("en", "[Workers' rights](a.md)"),
    ],
)
def test_a_fault_is_seen_through_the_signs_of_markdown(locale: str, markdown: str) -> None:
    assert any(faults(line, locale) for line in sentences(markdown))


@pytest.mark.parametrize(
    ("locale", "markdown"),
    [
        ("fr", "![Le formulaire\u00a0: des thèmes](../images/a-fr.png)"),
        ("fr", "*[English](a.md) · [Español](b.md)*"),
        ("fr", "| **un** | deux\u202f; trois |\n|---|---|\n```\na ; b\n```"),
        ("es", "- **¿Qué hacer?** ![El botón](a.png)"),
    ],
)
def test_the_signs_themselves_are_no_fault(locale: str, markdown: str) -> None:
    assert not [found for line in sentences(markdown) for found in faults(line, locale)]
