"""The client against servers that never end, drip, break off or cannot prove who they are."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

import pytest
import trustme

from tests.web_site import LOCAL, Site, answer, fetcher, serving, site
from tribune.channels.http import HttpFetcher
from tribune.domain.errors import SourceError

__all__ = ["fetcher", "site"]


def test_an_endless_body_stops_at_the_bound(site: Site) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65536)

    site.pages["/"] = endless
    with pytest.raises(SourceError, match="larger than 1,000,000 bytes"):
        HttpFetcher(max_bytes=1_000_000, allowed_private_networks=LOCAL).fetch(site.url + "/")


def test_a_gzip_bomb_stops_at_the_bound(site: Site) -> None:
    bomb = gzip.compress(b"\0" * 100_000_000, 9)
    site.pages["/"] = lambda request: answer(request, bomb, Content_Encoding="gzip")
    with pytest.raises(SourceError, match="larger than"):
        HttpFetcher(max_bytes=1_000_000, allowed_private_networks=LOCAL).fetch(site.url + "/")


def test_a_body_shorter_than_promised_is_no_answer(site: Site, fetcher: HttpFetcher) -> None:
    def short(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(b"half")
        request.close_connection = True

    site.pages["/"] = short
    with pytest.raises(SourceError, match="connection failed"):
        fetcher.fetch(site.url + "/")


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server below HTTP, for what no HTTP library would send."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def run() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                while not stop.is_set():
                    talk(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        stop.set()
        listening.close()
        thread.join(5)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def drip_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def say_nothing(connection: socket.socket) -> None:
    time.sleep(0.1)


@pytest.mark.parametrize("talk", [drip_body, drip_head, say_nothing])
def test_a_server_that_drips_meets_the_deadline(talk: Callable[[socket.socket], None]) -> None:
    with raw_server(talk) as port:
        started = time.monotonic()
        with pytest.raises(SourceError, match="No complete answer"):
            HttpFetcher(timeout=60, total=0.7, allowed_private_networks=LOCAL).fetch(f"http://127.0.0.1:{port}/")
        assert 0.5 < time.monotonic() - started < 30


def test_nonsense_instead_of_http_is_told(fetcher: HttpFetcher) -> None:
    def nonsense(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH\r\n")
        connection.close()

    with raw_server(nonsense) as port, pytest.raises(SourceError, match="connection failed"):
        fetcher.fetch(f"http://127.0.0.1:{port}/")


def test_a_closed_port_is_told(fetcher: HttpFetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceError, match="connection failed") as error:
        fetcher.fetch(f"http://127.0.0.1:{port}/")
    assert error.value.hint == "Try again later."


def test_the_next_address_is_tried_when_one_does_not_answer(site: Site) -> None:
    site.pages["/"] = lambda request: answer(request, b"ok")
    fetcher = HttpFetcher(allowed_private_networks=LOCAL, resolver=lambda host, port: ["127.0.0.9", "127.0.0.1"])
    assert fetcher.fetch(f"http://a.example:{site.port}/").body == b"ok"


# -- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def tls_site(authority: trustme.CA, *names: str) -> Iterator[Site]:
    site = Site()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    site.pages["/"] = lambda request: answer(request, b"secure")
    with serving(site):
        yield site


def client(authority: trustme.CA | None) -> HttpFetcher:
    context = None
    if authority:
        context = ssl.create_default_context()
        authority.configure_trust(context)
    return HttpFetcher(allowed_private_networks=LOCAL, resolver=lambda host, port: ["127.0.0.1"], ssl_context=context)


def test_a_good_certificate_for_the_name_holds(authority: trustme.CA) -> None:
    with tls_site(authority, "feeds.observatory.example") as site:
        assert client(authority).fetch(f"https://feeds.observatory.example:{site.port}/").body == b"secure"


def test_a_certificate_for_another_name_or_of_an_unknown_authority_fails(authority: trustme.CA) -> None:
    with tls_site(authority, "other.example") as site:
        for who in (authority, None):
            with pytest.raises(SourceError, match="certificate does not hold"):
                client(who).fetch(f"https://feeds.observatory.example:{site.port}/")
        assert site.requests == []
