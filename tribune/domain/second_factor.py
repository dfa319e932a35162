"""The second factor: codes by time (TOTP, RFC 6238) that are good once, and recovery codes for who lost the device."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

STEP_SECONDS = 30
_DRIFT = 1
"""A code of the step before or after is taken too: clocks differ, and people type slowly."""

RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1, which are read for one another."""


def secret_of(data: bytes) -> str:
    """20 bytes as authenticator apps take them: base32."""
    return base64.b32encode(data).decode().rstrip("=")


def shown_secret(secret: str) -> str:
    """The secret in groups of four, for a person to type."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def provisioning_address(secret: str, account: str, issuer: str) -> str:
    """What the QR code says: `otpauth://totp/...`."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def step_of(secret: str, code: str, now: datetime, last_step: int) -> int | None:
    """The time step that `code` is the code of, where it may be used now; None for a wrong code and for one of a step
    that was used (`last_step`) or lies before it."""
    import pyotp

    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit() and len(typed) == 6):
        return None
    current = int(now.timestamp()) // STEP_SECONDS
    codes = pyotp.HOTP(secret)
    found = None
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        if hmac.compare_digest(codes.at(step), typed) and step > last_step:
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Codes to print and keep: `abcd-efgh-jkmn-pqrs`, 79 bits each."""
    letters = ("".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(RECOVERY_CODES))
    return ["-".join(word[at : at + 4] for at in range(0, 16, 4)) for word in letters]


def recovery_hash(code: str) -> str | None:
    """What the store keeps of a recovery code, however it is typed; None for what can be none."""
    plain = "".join(c for c in code.casefold() if c not in "- \u00a0\t")
    if len(plain) != 16 or not plain.isascii():
        return None
    return hashlib.sha256(f"tribune-recovery:{plain}".encode()).hexdigest()
