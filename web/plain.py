"""What a request may hold as text: no zero byte, and no half of a character. PostgreSQL takes neither, no reader can
see them, and nobody types them: whoever sends them is told so at the door, whatever the place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

NO_TEXT = "It holds a zero byte, or half of a character, which no text does."
_HALF = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ZERO_IN_ADDRESS = re.compile(rb"%00|\x00")


def is_text(value: str) -> bool:
    """Whether a value is text."""
    return _HALF.search(value) is None


def is_query(query: bytes) -> bool:
    """Whether the query of an address, as it came, is text. Halves of characters cannot come this way: what is no UTF-8
    is read as replacement characters."""
    return _ZERO_IN_ADDRESS.search(query) is None


def may_hold_no_text(body: bytes) -> bool:
    """Whether it is worth looking through a JSON document: unescaped, none of it is JSON or UTF-8."""
    return _ESCAPED.search(body) is not None


def no_texts(document: Any, pointer: str = "") -> Iterator[str]:
    """JSON pointers of what is no text in a document; of a name that is none, that of the object."""
    if isinstance(document, str):
        if not is_text(document):
            yield pointer
    elif isinstance(document, dict):
        for name, value in document.items():
            if is_text(name):
                yield from no_texts(value, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
            else:
                yield pointer
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from no_texts(value, f"{pointer}/{place}")
