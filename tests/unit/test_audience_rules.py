"""The language in which a person is shown an item, and the frame around it."""

from __future__ import annotations

import pytest

from tribune.domain.audience import Cadence, Fallback, frame_locale, shown_language

SOURCE, OMIT = Fallback.SOURCE, Fallback.OMIT


@pytest.mark.parametrize(
    ("languages", "visible", "source", "fallback", "shown"),
    [
        (["fr", "en"], ["en", "fr"], "en", SOURCE, "fr"),
        (["fr", "en"], ["es", "en"], "es", SOURCE, "en"),
        (["fr"], ["es", "en"], "es", SOURCE, "es"),
        (["fr"], ["es", "en"], "es", OMIT, None),
        (["fr"], ["en"], "es", SOURCE, "en"),  # the source language itself is not out yet
        (["fr"], [], "es", SOURCE, None),
        (["fr-CA"], ["fr"], "en", OMIT, "fr"),
        (["pt"], ["pt-BR"], "en", OMIT, "pt-BR"),
        (["pt-BR", "pt"], ["pt", "pt-BR"], "en", OMIT, "pt-BR"),
    ],
)
def test_shown_language(
    languages: list[str], visible: list[str], source: str, fallback: Fallback, shown: str | None
) -> None:
    assert shown_language(languages, visible, source, fallback) == shown


@pytest.mark.parametrize(
    ("languages", "locale"),
    [(["fr", "en"], "fr"), (["fr-CA"], "fr"), (["sw", "es"], "es"), (["sw"], "en"), ([], "en")],
)
def test_frame_locale(languages: list[str], locale: str) -> None:
    assert frame_locale(languages, ("en", "fr", "es"), "en") == locale


def test_cadences_go_from_the_quickest() -> None:
    assert [c.rank for c in (Cadence.AT_ONCE, Cadence.DAILY, Cadence.WEEKLY, Cadence.MONTHLY)] == [0, 1, 2, 3]
