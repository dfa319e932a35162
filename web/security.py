"""What every request and every answer go through: who may ask for what, security headers, the log (threats.md)."""

from __future__ import annotations

import ipaddress
import logging
import re
import traceback
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.away import is_away, is_busy
from web.clients import client_address
from web.cross_site import is_cross_site
from web.plain import NO_TEXT, is_query, is_text

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script, no inline style, nothing from elsewhere."""

MAIL_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; form-action 'none'; "
    "base-uri 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""For a caught mail in its frame: its own styles, no script, no form, nothing fetched."""

# Referrer-Policy: other sites are told nothing. With no-referrer, browsers send forms of our own pages with "Origin:
# null", and without https that is all they say of where a form comes from (web/cross_site.py). Nothing here reads or
# logs a Referer.
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}

_FENCED = re.compile(r"/api(/.*)?|(/[^/]*)?/newsroom(/.*)?", re.DOTALL)
"""What is for staff and their programs. The rest is for readers, but for the figures."""

FIGURES = "/metrics"
_API = re.compile(r"/api(/.*)?", re.DOTALL)

_TOKEN = re.compile(r"^/([a-z])/.+", re.DOTALL)
_STAFF_TOKEN = re.compile(r"^(/[^/]*/newsroom/(?:sign-in|invitation))/.+", re.DOTALL)
_PROXIED = re.compile(r"forwarded|x-forwarded-.*|via|x-real-ip|true-client-ip|.*-client-ip|.*-connecting-ip")


def redacted(path: str) -> str:
    """A path as it may stand in a log: `/u/***`. What follows one letter is a token, and so is what follows the pages
    where staff come in."""
    return _STAFF_TOKEN.sub(r"\1/***", _TOKEN.sub(r"/\1/***", path))


class Guard:
    """ASGI middleware around the whole site.

    It refuses foreign Host headers (DNS rebinding), addresses that are no text, and requests across sites that may
    change something; it keeps the newsroom to `desk_networks`, where any are named, and figures to `metrics_networks`,
    both never through a proxy of which nothing is known, behind which everybody seems to be a neighbour. It sets the
    security headers that an answer has not set itself, answers HEAD as GET, and turns what nobody expected into
    a page and a line in the log, without values: a traceback may quote addresses; where it is a store that is away or
    busy, the page says so. `page`: what to show with a status.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed_hosts: Sequence[str],
        desk_networks: Sequence[str],
        metrics_networks: Sequence[str],
        trusted_proxies: Sequence[str],
        base_url: str,
        page: Callable[[Scope, int], Response],
    ) -> None:
        self.app = app
        self.hosts = {host.lower() for host in allowed_hosts} | {_bare(urlsplit(base_url).netloc.rpartition("@")[2])}
        self.desk = [ipaddress.ip_network(network) for network in desk_networks]
        self.figures = [ipaddress.ip_network(network) for network in metrics_networks]
        self.address_of = client_address(trusted_proxies)
        self.page = page
        # A year; only where the site is reached by https: else nobody could open it any more.
        secure = {"strict-transport-security": "max-age=31536000"} if base_url.startswith("https://") else {}
        self.headers = HEADERS | secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                if scope["path"].startswith("/static/") and message["status"] < 400:
                    headers.setdefault("cache-control", "no-cache")  # kept, but asked for anew: the ETag answers
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            elif head:
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET"} if head else scope
        try:
            await (self._refusal(scope) or self.app)(inner, receive, send_guarded)
        except Exception as error:
            later = is_busy(error) or is_away(error)
            structlog.get_logger().log(
                *(logging.WARNING if later else logging.ERROR, "page failed"),
                path=redacted(scope["path"]),
                error=type(error).__name__,
                frames=_frames(error),
            )
            if started:
                raise ConnectionAbortedError("the page failed half-way") from None
            await self.page(scope, 503 if later else 500)(inner, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        if _bare(headers.get("host", "")) not in self.hosts:
            return _refused(
                path, "This address is not one of Tribune's. An administrator can add it to [web] allowed_hosts.", 421
            )
        if not is_text(path):
            return self._is_none(scope, "There is nothing at this address.", 404)
        if not is_query(scope.get("query_string", b"")):
            return self._is_none(scope, f"What follows the question mark cannot be read. {NO_TEXT}", 400)
        if is_cross_site(scope["method"], path, headers):
            return _refused(path, "This was sent from a page of another site, and nothing was done.", 403)
        fence, setting = (self.figures, "metrics_networks") if path == FIGURES else (self.desk, "desk_networks")
        fenced = path == FIGURES or (self.desk and _FENCED.fullmatch(path))
        if not fenced or self._is_in(scope, headers, fence, proxies=path != FIGURES):
            return None
        return _refused(
            path,
            "This answers some networks only, and yours is none of them. "
            f"An administrator can add it to [web] {setting}.",
            403,
        )

    def _is_none(self, scope: Scope, why: str, status: int) -> Response:
        """An address that is no text: nobody followed a link of ours there."""
        path = scope["path"]
        return _refused(path, why, status) if _API.fullmatch(path) else self.page(scope, status)

    def _is_in(self, scope: Scope, headers: Headers, networks: Sequence[Network], *, proxies: bool) -> bool:
        """Whether whoever asks is in one of these networks. `proxies`: what proxies of our own say of them counts."""
        heard = scope["client"][0] if scope.get("client") else ""
        told = self.address_of(HTTPConnection(scope)) if proxies else heard
        if told == heard and _through_a_proxy(scope, headers):
            return False  # handed on by somebody of whom we know nothing
        try:
            address = ipaddress.ip_address(told)
        except ValueError:  # no client, or a name instead of an address
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in networks)


def _refused(path: str, why: str, status: int) -> Response:
    """Words for people; for programs that ask the API, a problem."""
    if not _API.fullmatch(path):
        return PlainTextResponse(f"{why}\n", status)
    from web.api.problem_kinds import MALFORMED, NOT_FOUND, WRONG_HOST, WRONG_NETWORK
    from web.api.problems import Problem, answer

    return answer(path, Problem({421: WRONG_HOST, 400: MALFORMED, 404: NOT_FOUND}.get(status, WRONG_NETWORK), why))


def _through_a_proxy(scope: Scope, headers: Headers) -> bool:
    """Whether a proxy handed the request on: by what it added, or by speaking HTTP/1.0, as nginx does by itself and no
    browser has for decades."""
    return scope.get("http_version") == "1.0" or any(_PROXIED.fullmatch(name) for name in headers)


def _bare(host: str) -> str:
    """A Host header without its port, in lower case."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()


def _frames(error: BaseException) -> list[str]:
    return [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-6:]
    ]
