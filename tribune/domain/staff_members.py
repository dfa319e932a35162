"""People who sign in to the newsroom: who they are, what proves it, and the links that let them in once.

Staff are no subscribers: their addresses and names stand in a table of their own, and the audit log, events and logs
know them by number (docs/adr/0029).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tribune.domain.staff import Role


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A person of the newsroom. `has_password`, `has_second_factor`: what they can sign in with; `recovery_codes`: how
    many are left; `provider`: whether they are known to the organisation's own sign-in."""

    id: int
    address: str
    name: str
    locale: str
    roles: frozenset[Role]
    created_at: datetime
    disabled_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    has_password: bool = False
    has_second_factor: bool = False
    provider: bool = False

    @property
    def active(self) -> bool:
        """Whether they may sign in at all."""
        return self.disabled_at is None

    @property
    def actor(self) -> str:
        """How events and the audit log name them."""
        return f"staff/{self.id}"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What proves who somebody is: the password's hash, the sealed secret of the second factor, and the last time step
    that was used of it. Never shown, never logged: it has no repr."""

    password_hash: str | None = None
    second_factor: str | None = None
    last_step: int = 0


class LinkPurpose(StrEnum):
    """What a one-time link lets its holder do."""

    INVITATION = "invitation"
    """Set a password and a second factor: the first ones, or new ones after a reset."""

    SIGN_IN = "sign_in"
    """Sign in once, without password: given out on the server only."""


@dataclass(frozen=True, slots=True)
class StaffLink:
    """A link that was given out: whose, what for, until when."""

    staff: int
    purpose: LinkPurpose
    expires_at: datetime


class Way(StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105 - the name of a way
    PROVIDER = "provider"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in. `agent` and `network` are for its owner to know it by: what the browser calls
    itself, and the network (not the address) that it came from."""

    id: int
    staff: int
    way: Way
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    agent: str = ""
    network: str = ""


def new_token() -> str:
    """A word that nobody guesses: 256 bits, for a cookie or a link."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What the store keeps of a token. It needs no salt and no slow hash: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
