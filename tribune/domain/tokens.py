"""Signed tokens for links in mails: scoped to one purpose, carrying a key id so that keys can be rotated.

A token is `kid.payload.mac`: the payload is readable (opaque numbers only), the mac is the first 16 bytes of
HMAC-SHA256 over purpose and payload in hexadecimal, so that it survives a mail server that folds case
(a token also stands in return paths, whose local part holds 64 characters). Checked in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache

from tribune.domain.errors import InvalidInput

_PART = re.compile(r"[A-Za-z0-9_:+-]*")


class Signer:
    """Signs and checks tokens. `keys` maps key ids (letters and digits) to secrets; `current` signs."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        if current not in keys:
            raise ValueError(f"no key {current!r} to sign with")
        self._current = current
        # An HMAC object that has taken in its key is copied per token: half the price of a new one.
        self._primed = {kid: hmac.new(secret, digestmod=hashlib.sha256) for kid, secret in keys.items()}

    def sign(self, purpose: str, *parts: str | int) -> str:
        """A token for `purpose` over `parts`; text parts may hold letters, digits and `_ : + -`."""
        payload = "~".join([_fit(part) if isinstance(part, str) else str(part) for part in parts])
        return f"{self._current}.{payload}.{self._mac(self._current, purpose, payload)}"

    def verify(self, purpose: str, token: str) -> tuple[str, ...]:
        """The parts of a token. Raises InvalidInput for a forged, cut or foreign one."""
        kid, _, rest = token.partition(".")
        payload, _, mac = rest.rpartition(".")
        if kid in self._primed and hmac.compare_digest(
            self._mac(kid, purpose, payload).encode(), mac.lower().encode("utf-8", "surrogatepass")
        ):
            return tuple(payload.split("~"))
        raise InvalidInput("This link is not complete or not valid.", hint="Use the whole link from the message.")

    def _mac(self, kid: str, purpose: str, payload: str) -> str:
        mac = self._primed[kid].copy()
        mac.update(f"{purpose}\x1f{payload}".encode("utf-8", "surrogatepass"))
        return mac.hexdigest()[:32]


@lru_cache(maxsize=1_000)
def _fit(word: str) -> str:
    if not _PART.fullmatch(word):
        raise ValueError(f"a token cannot carry {word!r}")
    return word
