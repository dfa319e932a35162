"""Somebody of the staff who signs in: what tests of sign-in share."""

from __future__ import annotations

from datetime import timedelta

import pyotp

from tribune.bootstrap import Application
from tribune.domain.second_factor import recovery_hash, secret_of
from tribune.domain.staff import Role
from tribune.domain.staff_members import StaffMember
from tribune.services.staff.sessions import Browser, SignedIn
from tribune.services.staff.sign_in import SECOND_FACTOR, Offered, Refused, sign_in

PASSWORD = "mangrove anvil tuesday"
RECOVERY = "abcd-efgh-jkmn-pqrs"


class Person:
    """A member of staff with a password, a device and one recovery code."""

    def __init__(self, app: Application, address: str = "awa@travail.example", *roles: Role) -> None:
        self.app = app
        self.address = address
        self.secret = secret_of(address.encode().ljust(20, b"x")[:20])
        with app.store.write() as tx:
            told = tx.staff.add(address, "Awa Diop", "fr", roles or (Role.EDITOR,), app.clock.now())
            tx.staff.set_password(told.id, app.passwords.hash(PASSWORD))
            tx.staff.set_second_factor(told.id, app.vault.seal(SECOND_FACTOR, self.secret), 0)
            hashed = recovery_hash(RECOVERY)
            assert hashed is not None
            tx.staff.set_recovery_codes(told.id, [hashed])
        self.id = told.id

    @property
    def member(self) -> StaffMember:
        """As the store has them now."""
        with self.app.store.read() as tx:
            found = tx.staff.one(self.id)
        assert found is not None
        return found

    def code(self, steps: int = 0) -> str:
        """What the device shows, now or so many half minutes from now."""
        return pyotp.TOTP(self.secret).at(self.app.clock.now() + timedelta(seconds=30 * steps))

    def sign_in(self, **facts: str) -> SignedIn | Refused:
        """Try to sign in, with what is right but for `facts`."""
        return attempt(self.app, **{"address": self.address, "password": PASSWORD, "code": self.code(), **facts})


def attempt(app: Application, **facts: str) -> SignedIn | Refused:
    """An attempt to sign in."""
    offered = Offered(**{"network": "192.0.2.7/32", **facts})
    browser = Browser("Test browser", "192.0.2.0/24")
    return sign_in(app.store, app.clock, app.passwords, app.vault, app.signer, offered, browser, app.session_rules)


def audited(app: Application) -> list[tuple[str, str, str]]:
    """The audit log: actor, action, about."""
    with app.store.read() as tx:
        return [(one.actor, one.action, one.about) for one in tx.audit.entries()]
