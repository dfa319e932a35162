"""The links of mails as permissions: whom one names, and the language of the page behind it.

A GET changes nothing: mail scanners follow every link. A POST acts without cookie or sign-in: the token in the address
is the permission, and it permits no more than its purpose (RFC 8058; decisions.md, 29).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from tribune.bootstrap import Application
from tribune.domain.audience import frame_locale
from tribune.domain.errors import InvalidInput, NotFound
from tribune.services.sending.reader_links import PREFERENCES, UNSUBSCRIBE
from web.pages import Pages

PURPOSES = {"u": UNSUBSCRIBE, "p": PREFERENCES}
_MANGLED = ".,;:!?)>]}'\"»”’"
"""What mail programs take for a part of the address when it ends a sentence."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link names: the page (`u` or `p`), whom, which digest, and the mailing that it came with (None: it came
    with a notice). `old`: it was signed with a key that signs no more, and works until that key is taken out of the
    settings."""

    page: str
    subscriber: int
    digest: str
    mailing: int | None = None
    old: bool = False


def whole(token: str) -> str:
    """A token without what a mail program took for a part of it."""
    return token.rstrip(_MANGLED)


def no_link() -> NotFound:
    """Whether a token is forged, cut, for another page or another person's makes no difference to who asks."""
    return NotFound("This link is not complete or not valid.", hint="Use the whole link from the message.")


def read_link(app: Application, page: str, token: str) -> Link:
    """Raises NotFound."""
    try:
        token = whole(token)
        subscriber, digest, came_with = app.signer.verify(PURPOSES[page], token)
        # What it would be signed with today, is signed with the same key.
        today = app.signer.sign(PURPOSES[page], 0)
        mailing = int(came_with) if came_with.isascii() and came_with.isdigit() else None
        return Link(page, int(subscriber), digest, mailing, token.partition(".")[0] != today.partition(".")[0])
    except (InvalidInput, ValueError):
        raise no_link() from None


def reader_locale(app: Application, pages: Pages, request: Request, languages: Sequence[str]) -> str:
    """The language of a page without one in its address: the one asked for, else the reader's, else the browser's."""
    asked = request.query_params.get("in", "")
    if asked in pages.offered:
        return asked
    if languages:
        return frame_locale(languages, pages.offered, app.organisation.default_language)
    return pages.locale_of(request)
