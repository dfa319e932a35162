"""A web site of a test's own on 127.0.0.1, whose pages are functions, and a client that may read it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tribune.channels.http import HttpFetcher

LOCAL = ("127.0.0.0/8",)
Page = Callable[[BaseHTTPRequestHandler], None]


class QuietServer(ThreadingHTTPServer):
    """Clients here hang up on purpose: no traceback for that."""

    def handle_error(self, request: object, client_address: object) -> None: ...


class Site:
    """A server whose pages are functions; it remembers the requests."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                with suppress(ConnectionError, ssl.SSLError):
                    site.pages.get(self.path.split("?")[0], missing)(self)

            def log_message(self, *_: object) -> None: ...

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"


def missing(request: BaseHTTPRequestHandler) -> None:
    answer(request, b"", 404)


def answer(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if status != 304:
        request.wfile.write(body)


def redirect(to: str) -> Page:
    return lambda request: answer(request, b"", 302, Location=to)


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    thread = threading.Thread(target=site.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.server.shutdown()
        site.server.server_close()
        thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site()) as running:
        yield running


@pytest.fixture
def fetcher() -> HttpFetcher:
    return HttpFetcher(timeout=5, total=10, allowed_private_networks=LOCAL, contact="web@observatory.example")
