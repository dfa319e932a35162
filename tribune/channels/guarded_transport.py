"""The guarded connection (tribune.channels.http) as a transport of httpx, for libraries that bring their own requests.

Each request is one short conversation with a deadline and a bound on the answer's size; redirects are the client's
matter, and each of them comes through here again.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable

import httpcore
import httpx

from tribune.channels.address_guard import AddressGuard
from tribune.channels.http import Deadline, GuardedBackend, Resolver, TooLate, resolve, tls

MOST_BYTES = 1_000_000


class GuardedTransport(httpx.BaseTransport):
    """`setting`: the section whose allowed_private_networks a refusal names. Raises SourceError for an address that is
    not allowed, httpx.TransportError for a connection that fails."""

    def __init__(
        self,
        *,
        allowed_private_networks: Iterable[str] = (),
        setting: str,
        timeout: float = 10.0,
        total: float = 20.0,
        resolver: Resolver = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = AddressGuard(allowed_private_networks)
        self._setting = setting
        self._timeout, self._total = timeout, total
        self._resolver = resolver
        self._ssl = ssl_context

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Ask, and read the whole answer."""
        deadline = Deadline(self._timeout, self._total)
        backend = GuardedBackend(self._guard, self._resolver, deadline, self._setting)
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.read(),
        )
        body = b""
        try:
            with httpcore.ConnectionPool(ssl_context=self._ssl or tls(), network_backend=backend) as pool:
                answer = pool.handle_request(asked)
                try:
                    for chunk in answer.iter_stream():
                        deadline.left()
                        body += chunk
                        if len(body) > MOST_BYTES:
                            raise httpx.ReadError("the answer is too large")
                finally:
                    answer.close()
        except (TooLate, httpcore.TimeoutException):
            raise httpx.ReadTimeout(f"no complete answer within {self._total:.0f} s") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise httpx.ConnectError(str(error) or type(error).__name__) from None
        return httpx.Response(answer.status, headers=answer.headers, content=body)
