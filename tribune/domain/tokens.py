"""Signed tokens for links in mails: scoped to one purpose, carrying a key id so that keys can be rotated.

A token is `kid.payload.mac`: the payload is readable (opaque numbers only), the mac is keyed BLAKE2b (RFC 7693) of 16
bytes over purpose and payload in hexadecimal. Key ids are lowercase, and both are read in any case, so that a token of
numbers survives a mail server that folds case (it stands in return paths, whose local part holds 64 characters).
Checked in constant time. A mail holds three tokens, which is why the mac is BLAKE2b and not HMAC-SHA256: as strong, in
a third of the time.
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
    """Signs and checks tokens. `keys` maps key ids (lowercase letters and digits) to secrets; `current` signs.

    Raises ValueError for other key ids, and where `current` is none of them."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        if current not in keys:
            raise ValueError(f"no key {current!r} to sign with")
        if any(kid != kid.lower() for kid in keys):
            raise ValueError("key ids are lowercase: a mail server may fold the case of a token")
        self._current = current
        # BLAKE2b takes keys of up to 64 bytes.
        self._keys = {kid: hashlib.sha512(secret).digest() for kid, secret in keys.items()}
        self._primed: dict[tuple[str, str], hashlib.blake2b] = {}

    def sign(self, purpose: str, *parts: str | int) -> str:
        """A token for `purpose` over `parts`; text parts may hold letters, digits and `_ : + -`."""
        told = [fit(part) if isinstance(part, str) else str(part) for part in parts]
        return self.sealed(purpose, "~".join(told))

    def sealed(self, purpose: str, payload: str) -> str:
        """The same over what is one word already: parts that are numbers or went through `fit`, between `~`."""
        return f"{self._current}.{payload}.{self._mac(self._current, purpose, payload)}"

    def verify(self, purpose: str, token: str) -> tuple[str, ...]:
        """The parts of a token. Raises InvalidInput for a forged, cut or foreign one."""
        kid, _, rest = token.partition(".")
        told, _, mac = rest.rpartition(".")
        kid = kid.lower()
        if kid in self._keys and hmac.compare_digest(
            self._mac(kid, purpose, told).encode(), mac.lower().encode("utf-8", "surrogatepass")
        ):
            return tuple(told.split("~"))
        raise InvalidInput("This link is not complete or not valid.", hint="Use the whole link from the message.")

    def fingerprint(self, purpose: str, text: str) -> str:
        """A keyed hash of a text, by which it is recognised again and which tells nothing to whom the key is unknown.
        With another signing key it is another."""
        return self._mac(self._current, purpose, text)

    def _mac(self, kid: str, purpose: str, payload: str) -> str:
        primed = self._primed.get((kid, purpose))
        if primed is None:
            primed = hashlib.blake2b(f"{purpose}\x1f".encode(), digest_size=16, key=self._keys[kid])
            self._primed[kid, purpose] = primed
        mac = primed.copy()
        mac.update(payload.encode("utf-8", "surrogatepass"))
        return mac.hexdigest()


@lru_cache(maxsize=1_000)
def fit(word: str) -> str:
    """`word`, if a token can carry it. Raises ValueError."""
    if not _PART.fullmatch(word):
        raise ValueError(f"a token cannot carry {word!r}")
    return word
