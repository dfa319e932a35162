"""Which addresses we may connect to (threats.md, SSRF): public ones, and private networks that settings allow.

Sources: IANA special-purpose registries (RFC 6890), RFC 6052 and 8215 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from tribune.domain.errors import ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Python's is_global changed between patch releases; what must never pass is therefore listed here as well.
_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        # IPv4: this host, private, CGNAT, loopback, link-local, protocols, documentation, 6to4 relays, benchmarks ...
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # IPv6: unspecified, loopback, IPv4-compatible, -mapped and -translated, NAT64, discard, Teredo, ORCHID ...
        *("::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"),
        *("100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        *("5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)


class AddressGuard:
    """Decides on addresses. `allowed` are networks such as 10.1.0.0/16. Raises ConfigurationError on others."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = tuple(_network(told) for told in allowed)

    def refusal(self, address: str) -> str:
        """Why we do not connect to this numeric address; "" where we may."""
        try:
            told = ipaddress.ip_address(address)
        except ValueError:
            return f"{address!r} is not an address"
        for seen in (told, *_inner(told)):
            if any(seen.version == network.version and seen in network for network in self._allowed):
                return ""
        if getattr(told, "scope_id", None):
            return f"{address} is bound to an interface"
        if (
            not told.is_global
            or told.is_multicast
            or told.is_reserved
            or any(told in n for n in _REFUSED if n.version == told.version)
        ):
            return f"{address} is not a public address"
        return ""


def _inner(address: Address) -> list[Address]:
    """An IPv4-mapped address stands for the IPv4 one: what is allowed for that is allowed here."""
    mapped = getattr(address, "ipv4_mapped", None)
    return [mapped] if mapped else []


def _network(told: str) -> Network:
    try:
        return ipaddress.ip_network(told)
    except ValueError as error:
        raise ConfigurationError(
            f"http.allowed_private_networks = {told!r}: {error}; write a network such as 10.1.0.0/16."
        ) from None
