"""Small secrets that the store keeps sealed with this installation's keys, and values derived from them.

A sealed text is `kid.nonce.text` in URL-safe base64: AES-256-GCM (NIST SP 800-38D) with a random nonce; the purpose is
authenticated, so that what was sealed for one is not opened for another. Keys rotate as those of links do
(tribune.domain.tokens): what was sealed with an older key opens as long as that key stands in the settings.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping

from tribune.domain.errors import InvalidInput


class Vault:
    """Seals and opens. `keys` maps key ids to secrets; `current` seals."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        if current not in keys:
            raise ValueError(f"no key {current!r} to seal with")
        self._current = current
        self._keys = {
            kid: hashlib.blake2b(secret, digest_size=32, person=b"tribune-sealing").digest()
            for kid, secret in ((kid, hashlib.sha512(secret).digest()) for kid, secret in keys.items())
        }

    def seal(self, purpose: str, text: str) -> str:
        """`text` as only this installation can read it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(12)
        sealed = AESGCM(self._keys[self._current]).encrypt(nonce, text.encode(), purpose.encode())
        return ".".join((self._current, _word(nonce), _word(sealed)))

    def open(self, purpose: str, sealed: str) -> str:
        """The text. Raises InvalidInput for what was forged, cut, sealed for another purpose or with an unknown key."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            kid, nonce, text = sealed.split(".")
            return AESGCM(self._keys[kid]).decrypt(_bytes(nonce), _bytes(text), purpose.encode()).decode()
        except (KeyError, ValueError, InvalidTag):
            raise InvalidInput(
                "A sealed value cannot be read with the keys of this installation.",
                hint="Put back the signing key that it was sealed with.",
            ) from None

    def derived(self, purpose: str, *parts: str, size: int = 20) -> bytes:
        """Bytes that follow from the key, the purpose and `parts`, and that nobody else can tell."""
        told = "\x1f".join((purpose, *parts)).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(
            told, digest_size=size, key=self._keys[self._current], person=b"tribune-derived"
        ).digest()

    def fingerprint(self, purpose: str, text: str) -> str:
        """A word to find `text` by again that does not give it away."""
        return self.derived(purpose, text, size=16).hex()


def _word(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(word: str) -> bytes:
    return base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
