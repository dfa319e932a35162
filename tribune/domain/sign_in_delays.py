"""How long somebody waits between attempts to sign in: delays that grow, never a lock.

An attempt is counted before it is looked at, against the account that it names (whether there is one or not) and the
network that it comes from. A success clears the account's count. A browser that this person has signed in with before
has a count of its own, so that a stranger who guesses at an account keeps its owner out of it nowhere but on new
devices, and there for five minutes at a time.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """`free` attempts at once; then each waits twice as long as the one before, from `first` to `longest`. After
    `forgets` without an attempt all begins anew."""

    free: int
    first: timedelta
    longest: timedelta
    forgets: timedelta


OF_ACCOUNT = Patience(5, timedelta(seconds=2), timedelta(minutes=5), timedelta(hours=2))
OF_DEVICE = OF_ACCOUNT
OF_NETWORK = Patience(30, timedelta(seconds=2), timedelta(minutes=2), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts that were counted so far, and from when on the next one is heard."""

    count: int
    last_at: datetime
    next_at: datetime


def counted(before: Attempts | None, patience: Patience, now: datetime) -> Attempts:
    """The count with one attempt more, made now."""
    forgotten = before is None or now - before.last_at >= patience.forgets
    count = 1 if before is None or forgotten else before.count + 1
    beyond = count - patience.free
    wait = timedelta() if beyond < 0 else min(patience.first * 2 ** min(beyond, 20), patience.longest)
    return Attempts(count, now, now + wait)


def network_of(address: str) -> str:
    """The network to count by: an IPv4 address, an IPv6 /64 (what one customer has); "unknown" for no address."""
    return _network(address, 32, 64) or "unknown"


def shown_network(address: str) -> str:
    """The network as a session's owner sees it: coarse enough to be no address (IPv4 /24, IPv6 /48)."""
    return _network(address, 24, 48)


def _network(address: str, of_four: int, of_six: int) -> str:
    try:
        told = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(told, "ipv4_mapped", None) or told
    return str(ipaddress.ip_network(f"{mapped}/{of_four if mapped.version == 4 else of_six}", strict=False))
