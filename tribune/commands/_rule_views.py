"""A segment's rule in words, as `tribune segments` and `tribune campaign` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tribune.bootstrap import Application
    from tribune.domain.segments import Rule
    from tribune.rendering.segment_words import Line, SegmentWords

LOCALE = "en"


def rule_words(app: Application) -> SegmentWords:
    """The words of this house, in English."""
    from tribune.rendering.formats import Formats
    from tribune.rendering.segment_words import SegmentWords

    texts, formats = app.translations.gettext(LOCALE), Formats(LOCALE, app.codelists)
    return SegmentWords(LOCALE, texts, formats, app.codelists.groups, app.every_digest)


def print_rule(app: Application, rule: Rule, indent: str = "") -> None:
    """The whole rule, each of its sentences in a line, below the one that it hangs from."""
    for line in rule_words(app).rule(rule):
        _print(line, indent, 0)


def _print(line: Line, indent: str, depth: int) -> None:
    print(f"{indent}{'  ' * depth}{'- ' if depth else ''}{line.text}")
    for part in line.parts:
        _print(part, indent, depth + 1)
