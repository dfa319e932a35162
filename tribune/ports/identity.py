"""The organisation's own sign-in: a provider that vouches for staff (OpenID Connect Core 1.0, code flow)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tribune.domain.identity import Identity


@dataclass(frozen=True, slots=True, repr=False)
class Begun:
    """A sign-in that was begun: where the browser goes, and what it must bring back. `state` ties the answer to the
    browser, `nonce` to the token, `verifier` to the code (PKCE, RFC 7636)."""

    address: str
    state: str
    nonce: str
    verifier: str


class IdentityProvider(Protocol):
    """One provider."""

    def begin(self, redirect_uri: str) -> Begun:
        """Where to send somebody. Raises SourceError where the provider cannot be reached."""
        ...

    def finish(self, code: str, redirect_uri: str, nonce: str, verifier: str, issuer: str = "") -> Identity:
        """Whom a code stands for. `issuer`: what the answer says of itself (RFC 9207). Raises SourceError where the
        provider cannot be reached, InvalidInput where what it says does not hold."""
        ...
