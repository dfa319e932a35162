"""What every answer and every request go through: the Host check, the desk's door, security headers (threats.md)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
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

PUBLIC = ("/u/", "/p/", "/healthz", "/static/")
"""What anybody may open: the links of a mail, health, styles. The rest is the desk."""


class Guard:
    """ASGI middleware: refuses foreign Host headers (DNS rebinding), keeps the desk to `desk_networks` (staff sign-in is
    not built yet), and sets the security headers that an answer has not set itself."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str], desk_networks: Sequence[str]) -> None:
        self.app = app
        self.hosts = {host.lower() for host in allowed_hosts}
        self.networks = [ipaddress.ip_network(network) for network in desk_networks]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host
        if name not in self.hosts:
            return PlainTextResponse(
                "This address is not one of Tribune's. An administrator can add it to [web] allowed_hosts.\n", 421
            )
        if not scope["path"].startswith(PUBLIC) and not self._is_staff(scope):
            return PlainTextResponse(
                "The desk answers on this machine only, until staff sign-in is built. "
                "An administrator can add networks to [web] desk_networks.\n",
                403,
            )
        return None

    def _is_staff(self, scope: Scope) -> bool:
        client = scope.get("client")
        if client is None:
            return False
        try:
            address = ipaddress.ip_address(client[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.networks)
