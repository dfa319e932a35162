"""From which network a request comes. Behind proxies of one's own that is what they say, and nothing that whoever asks
could have written (threats.md: forged headers)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache

from starlette.requests import HTTPConnection

from tribune.domain.consent import shortened

UNKNOWN = "unknown"
"""The network of whom nothing is known; all of them are counted together."""

KEPT = 4_096
"""Addresses of which is remembered what they are: reading one takes longer than the rest of a decision."""

ClientAddress = Callable[[HTTPConnection], str]
ClientNetwork = Callable[[HTTPConnection], str]


def client_network(trusted_proxies: Sequence[str]) -> ClientNetwork:
    """What tells the network of a request, shortened (tribune.domain.consent.shortened)."""
    address_of = client_address(trusted_proxies)
    return lambda request: shortened(address_of(request)) or UNKNOWN


def client_address(trusted_proxies: Sequence[str]) -> ClientAddress:
    """What tells the address of a request; "" where there is none."""
    trusted = [ipaddress.ip_network(network) for network in trusted_proxies]

    @lru_cache(maxsize=KEPT)
    def is_proxy(address: str) -> bool:
        found = ipaddress.ip_address(address)
        plain = getattr(found, "ipv4_mapped", None) or found
        return any(plain in network for network in trusted)

    def address_of(request: HTTPConnection) -> str:
        address = request.client.host if request.client is not None else ""
        # Each proxy appends whom it heard: the last address that is none of ours is the client's.
        told = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
        while told and _is_address(address) and is_proxy(address):
            before = _bare(told.pop())
            if not _is_address(before):
                break
            address = before
        return address

    return address_of


@lru_cache(maxsize=KEPT)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _bare(address: str) -> str:
    """An address without the port that some proxies add: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, _, port = address.rpartition(":")
    return host if host.count(".") == 3 and port.isdigit() else address
