"""From which network a request comes: what a client writes into a header is believed from nobody."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from web.clients import UNKNOWN, client_network

OURS = ("10.0.0.0/8", "2001:db8:ffff::/48")


def request(peer: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 1) if peer is not None else None})


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("203.0.113.9", (), "203.0.113.0/24"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.0/24"),  # no proxy of ours: not believed
        ("10.1.1.1", ("198.51.100.1",), "198.51.100.0/24"),
        ("10.1.1.1", ("192.0.2.1, 198.51.100.1",), "198.51.100.0/24"),  # the left one the client wrote
        ("10.1.1.1", ("10.9.9.9, 198.51.100.1, 10.2.2.2",), "198.51.100.0/24"),  # two proxies
        ("10.1.1.1", ("192.0.2.1", "198.51.100.1"), "198.51.100.0/24"),  # two lines are one list
        ("10.1.1.1", ("198.51.100.1:4711",), "198.51.100.0/24"),
        ("10.1.1.1", ("[2001:db8:1::7]:4711",), "2001:db8:1::/48"),
        ("2001:db8:ffff::1", ("2001:db8:1::7",), "2001:db8:1::/48"),
        ("::ffff:10.1.1.1", ("198.51.100.1",), "198.51.100.0/24"),
        ("10.1.1.1", ("unknown",), "10.1.1.0/24"),  # a proxy that does not say: all of them together
        ("10.1.1.1", ("198.51.100.1, \xff",), "10.1.1.0/24"),
        ("10.1.1.1", ("10.2.2.2",), "10.2.2.0/24"),  # inside
        ("testclient", (), UNKNOWN),
        (None, ("198.51.100.1",), UNKNOWN),
    ],
)
def test_the_right_most_address_that_is_no_proxy_of_ours_counts(
    peer: str | None, forwarded: tuple[str, ...], network: str
) -> None:
    assert client_network(OURS)(request(peer, *forwarded)) == network
