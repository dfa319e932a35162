"""Consent records: what a person agreed to or took back, in which words, when and from where.

They answer one question: why do you write to me? So a record holds what was agreed, the version of the words that
were shown (`text_version` names them in the table of consent texts), when, through which door and from which network,
shortened so that it points at nobody (GDPR, article 7(1) and recital 42). A person is a number here: erasing them
erases their records.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from tribune.domain.audience import Subscriber


class ConsentAct(StrEnum):
    """What a person did, or what was done for them."""

    SIGNED_UP = "signed_up"
    """They asked on a form; nothing is sent before CONFIRMED."""
    CONFIRMED = "confirmed"
    """They said yes from their own mailbox (double opt-in)."""
    IMPORTED = "imported"
    """Staff brought them from elsewhere, and `basis` says on which ground."""
    CHANGED = "changed"
    """Other choices, languages, rhythm or address."""
    PAUSED = "paused"
    RESUMED = "resumed"
    UNSUBSCRIBED = "unsubscribed"
    """From a digest, or from all (`agreed` says which)."""
    RESUBSCRIBED = "resubscribed"
    """They undid UNSUBSCRIBED."""


class ConsentSource(StrEnum):
    """Through which door."""

    FORM = "form"
    """The public form."""
    MAIL = "mail"
    """A page behind a link of a mail."""
    ONE_CLICK = "one_click"
    """The mail program's own button (RFC 8058)."""
    IMPORT = "import"
    STAFF = "staff"
    API = "api"


SELF = "self"
"""`by` of a record where the person acted for themselves; staff and tokens are `staff:3`, `token:12`."""


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One act. `agreed` is JSON as `agreed` below gives it; `text_version` is "" where no text was shown.

    `network` is as `shortened` gives it ("" where there is none, or once its time is over). `by` is SELF or who acted,
    a number, never a name. `basis` is what staff state at an import.
    """

    subscriber: int
    act: ConsentAct
    at: datetime
    source: ConsentSource
    agreed: Mapping[str, Any] = field(default_factory=dict)
    text_version: str = ""
    network: str = ""
    by: str = SELF
    basis: str = ""


@dataclass(frozen=True, slots=True)
class ConsentText:
    """Words that somebody agreed to. `version` is derived from locale and words: other words are another version."""

    locale: str
    words: str

    @property
    def version(self) -> str:
        """`fr-3f2a9c01d4e6b7a8`."""
        return f"{self.locale}-{hashlib.sha256(self.words.encode()).hexdigest()[:16]}"


def agreed(person: Subscriber) -> dict[str, Any]:
    """What a person gets now, as a consent record keeps it: the digests that they have not stopped, with their choices
    (an empty list means any), and their languages."""
    stopped = {r.digest for r in person.rhythms if r.stopped_at is not None}
    digests: dict[str, list[dict[str, Any]]] = {}
    for wish in person.subscriptions:
        if wish.digest not in stopped:
            digests.setdefault(wish.digest, []).append(
                {
                    "cadence": wish.cadence.value,
                    "policy_areas": sorted(wish.choice.policy_areas),
                    "places": sorted(wish.choice.places),
                    "kinds": sorted(wish.choice.kinds),
                }
            )
    return {"digests": digests, "languages": list(person.languages)}


def stopped(digest: str | None) -> dict[str, Any]:
    """`agreed` of UNSUBSCRIBED and RESUBSCRIBED: the digest that it was about, None for all."""
    return {"stopped": digest if digest is not None else "all"}


IPV4_PREFIX = 24
IPV6_PREFIX = 48
"""A /48 is what a site gets from its provider (RFC 6177); within it anybody takes addresses as they like."""


@lru_cache(maxsize=4_096)
def shortened(address: str) -> str:
    """The network of a client's address: `198.51.100.0/24`, `2001:db8:1::/48`; "" for what is none. An IPv4 address
    in IPv6's clothes counts as IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    plain = getattr(found, "ipv4_mapped", None) or found
    length = IPV4_PREFIX if plain.version == 4 else IPV6_PREFIX
    return str(ipaddress.ip_network((plain, length), strict=False))
