"""Sign in with a password and a second factor.

An attempt is counted before it is looked at. A wrong password, a wrong code, an unknown or a disabled account get the
same answer after the same work: one hash, one code checked, two units of work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tribune.domain.addresses import address_key
from tribune.domain.errors import InvalidInput
from tribune.domain.sealing import Vault
from tribune.domain.second_factor import recovery_hash, secret_of, step_of
from tribune.domain.sign_in_delays import OF_ACCOUNT, OF_DEVICE, OF_NETWORK, Patience
from tribune.domain.staff_members import Credentials, StaffMember, Way
from tribune.domain.tokens import Signer
from tribune.ports.clock import Clock
from tribune.ports.store import Store, Transaction
from tribune.services.staff.passwords import Passwords
from tribune.services.staff.sessions import Browser, SessionRules, SignedIn, open_session

DEVICE = "staff-device"
SECOND_FACTOR = "second-factor"
"""What tokens and sealed secrets are for."""

_NOBODYS = secret_of(bytes(20))


@dataclass(frozen=True, slots=True, repr=False)
class Offered:
    """What somebody types, and where from. `device`: what an earlier sign-in left in this browser."""

    address: str
    password: str
    code: str
    network: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not signed in. `until`: nothing was looked at, as the attempt came too early: the next is heard from then on."""

    until: datetime | None = None


def sign_in(
    store: Store,
    clock: Clock,
    passwords: Passwords,
    vault: Vault,
    signer: Signer,
    offered: Offered,
    browser: Browser,
    rules: SessionRules,
) -> SignedIn | Refused:
    """Let somebody in, or not. No transaction is held while the password is hashed."""
    now = clock.now()
    with store.write() as tx:
        staff = tx.staff.by_address(offered.address)
        counts = _counts(vault, signer, offered, staff)
        until = _take(tx, counts, now)
        kept = tx.staff.credentials(staff.id if staff is not None else 0)
    if until is not None:
        return Refused(until)
    right = passwords.check(offered.password, kept.password_hash)
    secret = _opened(vault, kept) or _NOBODYS
    step = step_of(secret, offered.code, now, kept.last_step)
    outdated = right and kept.password_hash is not None and passwords.outdated(kept.password_hash)
    anew = passwords.hash(offered.password) if outdated else ""
    with store.write() as tx:
        if not right or staff is None or not _second_factor(tx, staff, kept, step, offered.code, now):
            tx.audit.add("system", "sign_in.failed", staff.actor if staff is not None else "", {}, now)
            return Refused()
        if anew and kept.password_hash is not None:
            tx.staff.replace_password_hash(staff.id, kept.password_hash, anew)
        for counted_by, patience in counts:
            if patience is OF_NETWORK:
                tx.staff_sessions.give_back_attempt(counted_by)
            else:
                tx.staff_sessions.clear_attempts(counted_by)
        return open_session(tx, staff, Way.PASSWORD, browser, rules, now)


def _counts(vault: Vault, signer: Signer, offered: Offered, staff: StaffMember | None) -> list[tuple[str, Patience]]:
    """What the attempt is counted by."""
    device = _device_of(signer, offered.device, staff)
    if device:
        return [(f"device:{vault.fingerprint('attempt', device)}", OF_DEVICE)]
    account = vault.fingerprint("attempt", address_key(offered.address))
    network = vault.fingerprint("attempt", f"network {offered.network}")
    return [(f"network:{network}", OF_NETWORK), (f"account:{account}", OF_ACCOUNT)]


def _device_of(signer: Signer, token: str, staff: StaffMember | None) -> str:
    """The browser's own number, where it is one that this person has signed in with before."""
    try:
        owner, number = signer.verify(DEVICE, token)
    except (InvalidInput, ValueError):
        return ""
    return f"{owner} {number}" if staff is not None and owner == str(staff.id) else ""


def _take(tx: Transaction, counts: list[tuple[str, Patience]], now: datetime) -> datetime | None:
    """Count the attempt, or say from when on it is heard. Always in the same order: two never wait for each other."""
    for counted_by, patience in counts:
        until = tx.staff_sessions.take_attempt(counted_by, patience, now)
        if until is not None:
            return until
    return None


def _opened(vault: Vault, kept: Credentials) -> str:
    if kept.second_factor is None:
        return ""
    try:
        return vault.open(SECOND_FACTOR, kept.second_factor)
    except InvalidInput:  # the key that sealed it is gone: `tribune staff reset`
        return ""


def _second_factor(
    tx: Transaction, staff: StaffMember, kept: Credentials, step: int | None, code: str, now: datetime
) -> bool:
    """Whether what was looked at still stands, and the code is used up now."""
    today = tx.staff.one(staff.id)
    same = tx.staff.credentials(staff.id).password_hash == kept.password_hash
    if today is None or not today.active or not same or kept.second_factor is None:
        return False
    if step is not None:
        return tx.staff.use_step(staff.id, kept.second_factor, step)
    recovery = recovery_hash(code)
    if recovery is None or not tx.staff.use_recovery_code(staff.id, recovery, now):
        return False
    left = tx.staff.recovery_codes_left(staff.id)
    tx.audit.add(staff.actor, "recovery_code.used", staff.actor, {"left": left}, now)
    return True
