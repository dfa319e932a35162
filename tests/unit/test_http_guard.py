"""Which addresses the client connects to, and what it makes of compressed answers."""

from __future__ import annotations

import gzip
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.channels.address_guard import AddressGuard
from tribune.channels.decompress import Decoder
from tribune.domain.errors import ConfigurationError, SourceError

INSIDE = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::"),
    *("2002:808:808::", "3fff::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_inside_addresses_are_refused(address: str) -> None:
    assert AddressGuard().refusal(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "193.134.194.24", "2606:4700::6810:84e5", "2a00:1450:400a:80b::200e"])
def test_public_addresses_pass(address: str) -> None:
    assert AddressGuard().refusal(address) == ""


def test_what_is_no_address_is_refused() -> None:
    for told in ("", "localhost", "0x7f.1", "127.1", "2130706433", "017700000001"):
        assert AddressGuard().refusal(told)


def test_settings_allow_a_network_and_no_more() -> None:
    guard = AddressGuard(["127.0.0.0/8", "fd00:1::/32"])
    assert guard.refusal("127.0.0.1") == guard.refusal("::ffff:127.0.0.1") == guard.refusal("fd00:1::5") == ""
    assert guard.refusal("10.0.0.1") and guard.refusal("::1") and guard.refusal("fd00:2::5")


def test_a_wrong_network_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="allowed_private_networks"):
        AddressGuard(["127.0.0.1/8"])


@given(st.ip_addresses())
def test_what_python_calls_private_never_passes(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    inside = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    if inside or address.is_reserved or address.is_unspecified:
        assert AddressGuard().refusal(str(address))


DATA = b"The world of work. " * 5000


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(DATA)),
        ("x-gzip", gzip.compress(DATA)),
        ("gzip", gzip.compress(DATA[:100]) + gzip.compress(DATA[100:])),
        ("gzip", gzip.compress(DATA) + b"\0" * 512),
        ("", DATA),
        ("identity", DATA),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_compressed_answers_come_out_whole(encoding: str, packed: bytes, size: int) -> None:
    decoder = Decoder(encoding, len(DATA), "x")
    got = b"".join(
        piece for at in range(0, len(packed), size) for piece in decoder.feed(packed[at : at + size])
    ) + b"".join(decoder.end())
    assert got == DATA and decoder.size == len(DATA)


def test_a_bomb_stops_at_the_bound_and_not_after() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    decoder = Decoder("gzip", 1_000_000, "x")
    largest = 0
    with pytest.raises(SourceError, match="larger than"):
        for piece in decoder.feed(bomb):
            largest = max(largest, len(piece))
    assert largest <= 1 << 18 and decoder.size < 1_500_000


@pytest.mark.parametrize("packed", [gzip.compress(DATA)[:-20], b"\x1f\x8b broken", b"no gzip at all"])
def test_broken_compression_is_told(packed: bytes) -> None:
    decoder = Decoder("gzip", 1 << 20, "x")
    with pytest.raises(SourceError, match="broken"):
        list(decoder.feed(packed))
        list(decoder.end())


def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    with pytest.raises(SourceError, match="br"):
        Decoder("br", 10, "x")
