"""What pages say, in the language of a test: named as in the code, in English."""

from __future__ import annotations

from functools import cache

from tools import messages
from tribune.rendering.locales import Texts


class Said:
    """Texts of the catalogues. One that code and templates no longer have is an error: gettext would give it back in
    English, which a test for what is *not* on a page would never notice."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def one(self, text: str) -> str:
        _there("", text)
        return self._texts.gettext(text)

    def within(self, context: str, text: str) -> str:
        _there(context, text)
        return self._texts.pgettext(context, text)

    def many(self, text: str, plural: str, number: int) -> str:
        _there("", text, plural)
        return self._texts.ngettext(text, plural, number)


def _there(*key: str) -> None:
    assert key in _known(), f"no code or template says {key[-1]!r} any more, or not in this context: {key[0]!r}"


@cache
def _known() -> frozenset[tuple[str, ...]]:
    return frozenset(messages.key(message) for message in messages.read(messages.SOURCE) if message.id)
