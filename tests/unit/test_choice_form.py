"""The form of choices has three fields for languages; people may have more."""

from __future__ import annotations

import pytest

from tribune.domain.audience import Subscriber
from web.public.choice_form import and_further


@pytest.mark.parametrize(
    ("had", "chosen", "kept"),
    [
        (("en", "de", "fr", "es"), ("en", "de", "fr"), ("en", "de", "fr", "es")),
        (("en", "de", "fr", "es"), ("es", "en", "fr"), ("es", "en", "fr")),
        (("en", "de", "fr", "es"), ("en",), ("en",)),
        (("en", "fr"), ("fr", "en"), ("fr", "en")),
    ],
)
def test_what_has_no_field_is_not_taken_away(
    had: tuple[str, ...], chosen: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    assert and_further(chosen, Subscriber(1, "a@b.example", "", "other", had, "UTC")) == kept
