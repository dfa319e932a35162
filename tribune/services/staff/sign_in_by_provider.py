"""Sign in whom the organisation's own sign-in vouches for. The second factor is the provider's matter."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import structlog

from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.identity import Identity, IdentityRules
from tribune.domain.staff import Role
from tribune.domain.staff_members import StaffMember, Way
from tribune.ports.store import Transaction
from tribune.services.staff.change_staff import change_roles, end_access, make_staff
from tribune.services.staff.sessions import Browser, SessionRules, SignedIn, open_session

PROVIDER = "provider"
"""The actor of what a provider's groups bring about."""


def sign_in_by_provider(
    tx: Transaction,
    identity: Identity,
    taken: IdentityRules,
    locale: str,
    browser: Browser,
    rules: SessionRules,
    now: datetime,
) -> SignedIn | None:
    """Let somebody in, or None: not one of ours, without a role, disabled. Who is new and has a role by their groups is
    added; roles by groups are set anew at each sign-in. Who is known by their subject and has left all groups that give
    a role is not only refused: what let them in before ends."""
    roles = taken.roles_of(identity)
    before = tx.staff.by_subject(identity.issuer, identity.subject)
    staff = _known(tx, identity) if taken.takes(identity) else None
    if taken.takes(identity) and staff is None and roles and identity.address_verified:
        staff = _added(tx, identity, roles, locale, now) or _known(tx, identity)  # another tab of theirs was first
    if staff is None or not staff.active or (roles is not None and not roles):
        tx.audit.add("system", "sign_in.failed", staff.actor if staff else "", {"way": Way.PROVIDER.value}, now)
        if before is not None and roles is not None and not roles:
            end_access(tx, before, PROVIDER, now)
        return None
    if before is None:
        tx.staff.set_subject(staff.id, identity.issuer, identity.subject)
    if roles is not None and roles != staff.roles:
        with suppress(Conflict):  # the last administrator stays one, whatever the groups say
            change_roles(tx, staff, roles, PROVIDER, now)
        staff = tx.staff.one(staff.id) or staff
    return open_session(tx, staff, Way.PROVIDER, browser, rules, now)


def _known(tx: Transaction, identity: Identity) -> StaffMember | None:
    """The person of this subject; else the one who was added here with this verified address: from their first sign-in
    on they are known by the subject. An address of another subject is nobody's: new people are given old addresses."""
    staff = tx.staff.by_subject(identity.issuer, identity.subject)
    if staff is not None:
        return staff
    staff = tx.staff.by_address(identity.address) if identity.address_verified and identity.address else None
    if staff is None or not staff.provider:
        return staff
    # What a moved realm looks like, and an address that a new person has been given: an administrator tells them apart.
    moved = "subject" if tx.staff.issuer(staff.id) == identity.issuer else "issuer"
    told = {"reason": f"known under another {moved}", "staff": staff.actor, "mend": "tribune staff reset"}
    structlog.get_logger().warning("a sign-in by the provider was refused", **told)
    return None


def _added(
    tx: Transaction, identity: Identity, roles: frozenset[Role], locale: str, now: datetime
) -> StaffMember | None:
    try:
        name = identity.name or identity.address.partition("@")[0]
        return make_staff(tx, identity.address, name[:120], locale, roles, PROVIDER, now)
    except (InvalidInput, Conflict):
        return None
