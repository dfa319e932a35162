"""Accept-Language as browsers send it, and as they do not (RFC 9110, 12.5.4)."""

from __future__ import annotations

import pytest

from web.languages import preferred


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.5", "fr"),
        ("de, es;q=0.8, en;q=0.7", "es"),
        ("en;q=0.2, es; q=0.9", "es"),
        ("fr;q=0, es", "es"),
        ("", "en"),
        ("*", "en"),
        ("de", "en"),
        ("fr;q=many, es;q=nan", "en"),
        (",,;;q=1,=", "en"),
        ("x," * 5000 + "fr", "en"),
    ],
)
def test_the_best_offered_language(header: str, wanted: str) -> None:
    assert preferred(header, ("en", "fr", "es"), "en") == wanted
