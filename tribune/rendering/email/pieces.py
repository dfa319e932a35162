"""A rendered frame taken apart: runs of bytes, the slots between them, and the parts that only some mails have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from markupsafe import Markup

from tribune.rendering.email import mime

_ADDRESS = "https://slot.invalid/"
_MARK = re.compile(rf"<!--(slot|cut|/cut):(\w+)-->|{re.escape(_ADDRESS)}(\w+)")
_ADDRESSES = frozenset({"link", "preferences", "unsubscribe"})


class Piece(NamedTuple):
    """Bytes to stand as they are, or else the name of a slot; `part` names the cut that it belongs to ("" none)."""

    content: bytes
    slot: str = ""
    part: str = ""


class HtmlSlots:
    """`slot.name` in an HTML template: a mark, or an address where an address stands."""

    def __getattr__(self, name: str) -> Markup:
        if name in _ADDRESSES:
            return Markup(_ADDRESS + name)  # noqa: S704 - our own names
        mark = f"<!--slot:{name}-->"
        # A name has a direction of its own; the other slots speak the frame's language. Gmail and Outlook drop <bdi>.
        return Markup(f'<span dir="auto">{mark}</span>' if name == "name" else mark)  # noqa: S704 - our own names


class TextSlots:
    """`slot.name` in a text template."""

    def __getattr__(self, name: str) -> str:
        return f"<!--slot:{name}-->"


def take_apart(rendered: str) -> tuple[Piece, ...]:
    """The pieces of a rendered frame, encoded for the mail's body."""
    return tuple(_pieces(rendered))


def _pieces(rendered: str) -> Iterator[Piece]:
    part, at = "", 0
    for mark in _MARK.finditer(rendered):
        if mark.start() > at:
            yield Piece(mime.body(rendered[at : mark.start()]), part=part)
        at = mark.end()
        if mark[1] == "cut":
            part = mark[2]
        elif mark[1] == "/cut":
            part = ""
        else:
            yield Piece(b"", slot=mark[2] or mark[3], part=part)
    if at < len(rendered):
        yield Piece(mime.body(rendered[at:]), part=part)


def cut_out(rendered: str, part: str) -> str:
    """What stands between the sentinels of `part`."""
    _, _, rest = rendered.partition(f"<!--cut:{part}-->")
    found, closed, _ = rest.partition(f"<!--/cut:{part}-->")
    if not closed:
        raise AssertionError(f"the template lost its sentinels of {part}")
    return found
