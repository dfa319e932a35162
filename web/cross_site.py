"""Cross-site requests (CSRF): what changes something must come from a page of this very site.

Browsers say where a request comes from: Sec-Fetch-Site (all of today), else Origin. Both come from the browser, not
from the page. What says neither is no browser: a mail server that unsubscribes for its user (RFC 8058), a program; it
carries no cookie, or is refused. So no form needs a token of its own, and no token can leak. The session's cookie is
SameSite=Lax besides.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
NO_COOKIES = ("/u/", "/api/")
"""Where no cookie is read: the one-click POST of RFC 8058, which a mail program may send from its own pages, and the
API, whose token no browser adds by itself."""


def is_cross_site(method: str, path: str, headers: Headers) -> bool:
    """Whether a request that may change something comes from elsewhere."""
    if method in SAFE or path.startswith(NO_COOKIES):
        return False
    told = headers.get("sec-fetch-site")
    if told is not None:
        return told not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    return "cookie" in headers
