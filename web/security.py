"""What every request and every answer go through: who may ask for what, security headers, the log (threats.md)."""

from __future__ import annotations

import ipaddress
import re
import traceback
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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

HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}

_FENCED = re.compile(r"/metrics|/api(/.*)?|/[^/]*/newsroom(/.*)?", re.DOTALL)
"""What is for staff and their machines. The rest is for readers."""

_TOKEN = re.compile(r"^/([a-z])/.+", re.DOTALL)
_PROXIED = re.compile(r"forwarded|x-forwarded-.*|via|x-real-ip|true-client-ip|.*-client-ip|.*-connecting-ip")


def redacted(path: str) -> str:
    """A path as it may stand in a log: `/u/***`. What follows one letter is a token."""
    return _TOKEN.sub(r"/\1/***", path)


class Guard:
    """ASGI middleware around the whole site.

    It refuses foreign Host headers (DNS rebinding) and keeps the newsroom to `desk_networks`, because staff sign-in is
    not built yet: readers' pages answer also under the host of `base_url`, the newsroom under `allowed_hosts` alone and
    never through a proxy, behind which everybody seems to be a neighbour. It sets the security headers that an answer
    has not set itself, answers HEAD as GET, and turns what nobody expected into `failed` and a line in the log, without
    values: a traceback may quote addresses.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed_hosts: Sequence[str],
        desk_networks: Sequence[str],
        base_url: str,
        failed: Callable[[Scope], Response],
    ) -> None:
        self.app = app
        self.hosts = {host.lower() for host in allowed_hosts}
        self.public_hosts = self.hosts | {_bare(urlsplit(base_url).netloc.rpartition("@")[2])}
        self.networks = [ipaddress.ip_network(network) for network in desk_networks]
        self.failed = failed

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
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            elif head:
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET"} if head else scope
        try:
            await (self._refusal(scope) or self.app)(inner, receive, send_guarded)
        except Exception as error:
            structlog.get_logger().error(
                "page failed", path=redacted(scope["path"]), error=type(error).__name__, frames=_frames(error)
            )
            if started:
                raise ConnectionAbortedError("the page failed half-way") from None
            await self.failed(scope)(inner, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        public = not _FENCED.fullmatch(scope["path"])
        if _bare(headers.get("host", "")) not in (self.public_hosts if public else self.hosts):
            return PlainTextResponse(
                "This address is not one of Tribune's. An administrator can add it to [web] allowed_hosts.\n", 421
            )
        if public or (self._is_near(scope) and not _through_a_proxy(scope, headers)):
            return None
        return PlainTextResponse(
            "The newsroom answers on this machine only, and not through a proxy, until staff sign-in is built. "
            "An administrator can add networks to [web] desk_networks.\n",
            403,
        )

    def _is_near(self, scope: Scope) -> bool:
        try:
            address = ipaddress.ip_address(scope["client"][0])
        except (TypeError, ValueError):  # no client, or a name instead of an address
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.networks)


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
