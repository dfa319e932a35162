"""Set what somebody signs in with: by an invitation, or on their own account page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tribune.domain.errors import InvalidInput
from tribune.domain.sealing import Vault
from tribune.domain.second_factor import new_recovery_codes, recovery_hash, secret_of, step_of
from tribune.domain.sign_in_delays import OF_ACCOUNT
from tribune.domain.staff_members import Credentials, LinkPurpose, StaffMember, Way, token_hash
from tribune.ports.clock import Clock
from tribune.ports.store import Store, Transaction
from tribune.services.staff.links import holder, use_up
from tribune.services.staff.passwords import Passwords, refuse_weak
from tribune.services.staff.sessions import Browser, SessionRules, SignedIn, open_session
from tribune.services.staff.sign_in import SECOND_FACTOR

CODE, PASSWORD, CURRENT, WAIT = "code", "password", "current", "wait"
"""The fields that an error names; WAIT: too many attempts, with the seconds to wait as its hint."""


@dataclass(frozen=True, slots=True, repr=False)
class Joined:
    """Somebody who is in now, and their recovery codes, which are shown this once."""

    signed_in: SignedIn
    recovery_codes: list[str]


def offered_secret(vault: Vault, basis: str) -> str:
    """The secret that a page offers for a new second factor: the same at each look, without anything being kept before
    it is confirmed. `basis`: what only this page knows, such as the token of its link."""
    return secret_of(vault.derived("offered-second-factor", basis))


def basis_of_account(who: SignedIn, second_factor: str | None) -> str:
    """The basis for a signed-in person's next second factor: another, once this one is set."""
    return f"{who.session.id} {who.session.created_at.isoformat()} {second_factor}"


def accept_invitation(
    store: Store,
    clock: Clock,
    passwords: Passwords,
    vault: Vault,
    token: str,
    password: str,
    code: str,
    browser: Browser,
    rules: SessionRules,
) -> Joined:
    """Set the first password and second factor, and sign in. Raises NotFound for a link that is not good, InvalidInput
    with `where` a field: PASSWORD (its hint a PasswordProblem) or CODE; the link stays good then."""
    now = clock.now()
    with store.read() as tx:
        staff = holder(tx, token, LinkPurpose.INVITATION, now)
    _refuse_weak(password, staff)
    secret = offered_secret(vault, token_hash(token))
    step = step_of(secret, code, now, 0)
    if step is None:
        raise InvalidInput("The code is not right, or its time is over.", where=CODE)
    hashed = passwords.hash(password)
    with store.write() as tx:
        staff = use_up(tx, token, LinkPurpose.INVITATION, now)
        tx.staff_sessions.end_all(staff.id)
        tx.staff.set_password(staff.id, hashed)
        codes = _set_second_factor(tx, vault, staff, secret, step)
        tx.audit.add(staff.actor, "staff.joined", staff.actor, {}, now)
        return Joined(open_session(tx, staff, Way.PASSWORD, browser, rules, now), codes)


def change_password(
    store: Store,
    clock: Clock,
    passwords: Passwords,
    who: SignedIn,
    current: str,
    new: str,
    browser: Browser,
    rules: SessionRules,
) -> SignedIn:
    """Another password. All sessions end, this one too: the browser in hand gets a new one. Raises InvalidInput with
    `where` a field."""
    now = clock.now()
    _confirmed(store, passwords, who, current, now)
    _refuse_weak(new, who.staff)
    hashed = passwords.hash(new)
    with store.write() as tx:
        tx.staff.set_password(who.staff.id, hashed)
        tx.staff.drop_links(who.staff.id)
        ended = tx.staff_sessions.end_all(who.staff.id)
        tx.audit.add(who.staff.actor, "password.changed", who.staff.actor, {"sessions": ended}, now)
        return open_session(tx, who.staff, who.session.way, browser, rules, now)


def change_second_factor(
    store: Store, clock: Clock, passwords: Passwords, vault: Vault, who: SignedIn, current: str, code: str
) -> list[str]:
    """Another device: `code` is what it shows for the offered secret. The new recovery codes, shown this once. Raises
    InvalidInput with `where` a field."""
    now = clock.now()
    kept = _confirmed(store, passwords, who, current, now)
    secret = offered_secret(vault, basis_of_account(who, kept.second_factor))
    step = step_of(secret, code, now, 0)
    if step is None:
        raise InvalidInput("The code is not right, or its time is over.", where=CODE)
    with store.write() as tx:
        codes = _set_second_factor(tx, vault, who.staff, secret, step)
        ended = tx.staff_sessions.end_all(who.staff.id, but=who.session.id)
        tx.audit.add(who.staff.actor, "second_factor.changed", who.staff.actor, {"sessions": ended}, now)
    return codes


def _confirmed(store: Store, passwords: Passwords, who: SignedIn, current: str, now: datetime) -> Credentials:
    """What this person signs in with, once they have said their password: a browser that was left alone must not do.
    Counted as an attempt to sign in is. Raises InvalidInput with `where` CURRENT, or WAIT."""
    counted_by = f"own:{who.staff.id}"
    with store.write() as tx:
        until = tx.staff_sessions.take_attempt(counted_by, OF_ACCOUNT, now)
        kept = tx.staff.credentials(who.staff.id)
    if until is not None:
        raise InvalidInput("Too many attempts.", where=WAIT, hint=str(round((until - now).total_seconds())))
    if not passwords.check(current, kept.password_hash):
        raise InvalidInput("This is not your password.", where=CURRENT)
    with store.write() as tx:
        tx.staff_sessions.clear_attempts(counted_by)
    return kept


def _set_second_factor(tx: Transaction, vault: Vault, staff: StaffMember, secret: str, step: int) -> list[str]:
    tx.staff.set_second_factor(staff.id, vault.seal(SECOND_FACTOR, secret), step)
    codes = new_recovery_codes()
    tx.staff.set_recovery_codes(staff.id, [hashed for code in codes if (hashed := recovery_hash(code))])
    return codes


def _refuse_weak(password: str, staff: StaffMember) -> None:
    try:
        refuse_weak(password, (staff.address, staff.name))
    except InvalidInput as error:
        raise InvalidInput(error.what, where=PASSWORD, hint=error.where) from None
