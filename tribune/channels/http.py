"""The one HTTP client of producers: guarded, limited, polite. Implements tribune.ports.http.Fetcher.

It stands on httpcore, the transport under httpx, because only there the connection itself can be held: the name is
resolved once, every address is checked, and the socket goes to exactly the checked address, while Host, SNI and
the certificate check keep the name. A deadline bounds the whole exchange, each single read included, so that a
server that drips one byte a second cannot hold us. Proxies of the environment are not used: they would resolve
names behind the guard's back.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import BinaryIO

import httpcore
import httpx

from tribune import __version__
from tribune.channels.address_guard import AddressGuard
from tribune.channels.decompress import Decoder
from tribune.domain.errors import SourceError
from tribune.ports.clock import SystemClock
from tribune.ports.http import Answer

MAX_REDIRECTS = 5
MAX_URL = 4096
REDIRECTS = frozenset({301, 302, 303, 307, 308})
Resolver = Callable[[str, int], Sequence[str]]
_Take = Callable[[httpcore.Response, Answer, "Deadline"], Answer]


def resolve(host: str, port: int) -> Sequence[str]:
    """The numeric addresses of a host, in the system's order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class HttpFetcher:
    """`timeout`: seconds for one step (connect, read); `total`: for the whole of a fetch; `max_bytes`: of a body."""

    def __init__(
        self,
        *,
        timeout: float = 30.0,
        total: float = 120.0,
        max_bytes: int = 50_000_000,
        allowed_private_networks: Iterable[str] = (),
        contact: str = "",
        resolver: Resolver = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout
        self._total = total
        self._max_bytes = max_bytes
        self._guard = AddressGuard(allowed_private_networks)
        self._agent = f"Tribune/{__version__}" + (f" (+mailto:{contact})" if contact else "")
        self._resolver = resolver
        self._ssl = ssl_context

    def fetch(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        accept: str = "*/*",
        max_bytes: int | None = None,
        into: BinaryIO | None = None,
        allow: frozenset[int] = frozenset(),
    ) -> Answer:
        """See the port."""
        validators = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = {name: value for name, value in validators.items() if value and value.isprintable()}
        expected = allow | {304} if headers else allow

        def take(response: httpcore.Response, answer: Answer, deadline: Deadline) -> Answer:
            decoder = Decoder(answer.headers.get("content-encoding", ""), max_bytes or self._max_bytes, answer.url)
            parts = io.BytesIO() if into is None else into
            for chunk in response.iter_stream():
                deadline.left()
                for part in decoder.feed(chunk):
                    parts.write(part)
            for part in decoder.end():
                parts.write(part)
            return replace(
                answer,
                body=parts.getvalue() if isinstance(parts, io.BytesIO) and into is None else b"",
                size=decoder.size,
            )

        return self._exchange(url, headers | {"Accept": accept}, expected, take)

    def check(self, url: str) -> str:
        """See the port."""
        answer = self._exchange(url, {"Accept": "*/*"}, frozenset(), lambda _, head, __: head)
        size = answer.headers.get("content-length", "")
        told = [
            f"answers {answer.status}",
            answer.content_type.split(";")[0],
            f"{int(size):,} bytes" if size.isascii() and size.isdigit() and len(size) < 19 else "",
        ]
        return ", ".join(filter(None, told)) + ("" if answer.url == url else f" (at {answer.url})")

    def _exchange(self, url: str, headers: dict[str, str], expected: frozenset[int], take: _Take) -> Answer:
        """Ask, follow redirects, and let `take` read the body of what answers in the end."""
        headers = {"User-Agent": self._agent, "Accept-Encoding": "gzip", **headers}
        # Bytes, as a server may have put any into its ETag.
        sent = [(name.encode(), value.encode("latin-1", "ignore").strip()) for name, value in headers.items()]
        deadline = Deadline(self._timeout, self._total)
        target = _checked(url, url)
        # A fetch is one short conversation: its connections live and die with it, none is shared between sources.
        backend = GuardedBackend(self._guard, self._resolver, deadline)
        try:
            with httpcore.ConnectionPool(ssl_context=self._ssl or tls(), network_backend=backend) as pool:
                for _ in range(MAX_REDIRECTS + 1):
                    with pool.stream("GET", str(target), headers=sent) as response:
                        told = {
                            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
                        }
                        status = response.status
                        if status in REDIRECTS and "location" in told:
                            target = _checked(_utf8(told["location"]), url, target)
                            continue
                        if status not in expected and not 200 <= status < 300:
                            raise SourceError(
                                f"The server answered {status}.", where=str(target), hint=_meaning(status)
                            )
                        answer = Answer(str(target), status, told)
                        return answer if status == 304 else take(response, answer, deadline)
        except (TooLate, httpcore.TimeoutException):
            hint = "Try again later; for a slow source raise http.total_seconds."
            raise SourceError(f"No complete answer within {self._total:.0f} s.", where=url, hint=hint) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:  # ssl.SSLError is an OSError
            raise SourceError(_told(error), where=url, hint=_advice(error)) from None
        raise SourceError(f"More than {MAX_REDIRECTS} redirects.", where=url, hint="Give the address they end at.")


def _checked(url: str, asked: str, base: httpx.URL | None = None) -> httpx.URL:
    """The address (seen from `base`, for a redirect), if it is one that we fetch at all."""
    where, shown = _shown(asked), _shown(url)
    if len(url) > MAX_URL:
        raise SourceError(f"An address of more than {MAX_URL} characters.", where=where)
    try:
        parsed = base.join(url.strip()) if base else httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceError(f"{shown!r} is not an address: {error}.", where=where, hint="Correct it.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SourceError(
            f"{shown!r} is not an http or https address.", where=where, hint="Use one that begins with https://."
        )
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise SourceError(f"{parsed.port} is not a port.", where=where, hint="Correct the address.")
    if parsed.userinfo:
        raise SourceError("The address holds a user name or password.", where=parsed.host, hint="Take them out of it.")
    return parsed.copy_with(fragment=None)


def _utf8(header: str) -> str:
    """A Location may hold UTF-8, though it should not (RFC 9110, 10.2.2)."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


def _shown(url: str) -> str:
    """An address as it may stand in a message: without a password, and not endless."""
    return re.sub(r"//[^/@\s]*@", "//***@", url[:200])


class TooLate(Exception):
    """The whole exchange took too long."""


class Deadline:
    """How long a step may still take. The machine's own monotonic reading: a moved or stopped clock binds no server."""

    def __init__(self, step: float, total: float) -> None:
        self._monotonic = SystemClock().monotonic
        self._step = step
        self._end = self._monotonic() + total

    def left(self) -> float:
        """Seconds for the next step. Raises TooLate when none are left."""
        left = self._end - self._monotonic()
        if left <= 0:
            raise TooLate
        return min(left, self._step)


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses that the guard passes, and to no other."""

    def __init__(self, guard: AddressGuard, resolver: Resolver, deadline: Deadline, setting: str = "http") -> None:
        self._guard = guard
        self._setting = f"{setting}.allowed_private_networks"
        self._resolver = resolver
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self._resolver(host, port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise SourceError(f"The name {host} is not known.", where=host, hint="Check the address and the network.")
        # All are checked before the first is tried: a name with one inside address is a trick, not a mistake.
        for address in addresses:
            refusal = self._guard.refusal(address)
            if refusal:
                raise SourceError(
                    f"{refusal}: not fetched.",
                    where=host,
                    hint=f"If this server is your own, add its network to {self._setting}.",
                )
        failure: Exception = httpcore.ConnectError(f"no connection to {host}")
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(address, port, self._deadline.left(), None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _TimedStream(stream, self._deadline)
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        raise SourceError("A socket file is not an address.", where=path)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(min(seconds, self._deadline.left()))


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every step ends before the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


def tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _meaning(status: int) -> str:
    if status in (401, 403):
        return "It does not let us in: ask its owner, or correct the address."
    if status in (404, 410):
        return "The source has moved or ended: correct the address in the settings."
    if status == 429 or status >= 500:
        return "Try again later."
    return "Correct the address in the settings."


def _told(error: Exception) -> str:
    if "CERTIFICATE" in str(error).upper():
        return f"The server's certificate does not hold: {error}."
    return f"The connection failed: {str(error) or type(error).__name__}."


def _advice(error: Exception) -> str:
    if "CERTIFICATE" in str(error).upper():
        return "Nothing was read. Ask the source's owner to mend it."
    return "Try again later."
