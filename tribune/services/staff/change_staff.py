"""What administrators change about staff: who is one, with which roles, until when."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.staff import Role
from tribune.domain.staff_members import LinkPurpose, StaffMember
from tribune.ports.staff import STAFF
from tribune.ports.store import Transaction
from tribune.services.staff.links import GivenLink, give_link

LONGEST_NAME, LONGEST_ADDRESS = 120, 254


def add_staff(
    tx: Transaction,
    address: str,
    name: str,
    locale: str,
    roles: Collection[Role],
    life: timedelta,
    by: str,
    now: datetime,
) -> GivenLink:
    """A new person, and the link by which they set a password and a second factor. `life`: how long it is good. Raises
    InvalidInput with `where` the field (address, name, roles), Conflict where the address is taken."""
    staff = make_staff(tx, address, name, locale, roles, by, now)
    return give_link(tx, staff, LinkPurpose.INVITATION, life, by, now)


def make_staff(
    tx: Transaction, address: str, name: str, locale: str, roles: Collection[Role], by: str, now: datetime
) -> StaffMember:
    """A new person. Raises as `add_staff` does."""
    address, name = address.strip(), " ".join(name.split())
    local, at, domain = address.rpartition("@")
    if not (local and at and domain and len(address) <= LONGEST_ADDRESS and address.isprintable()) or " " in address:
        raise InvalidInput("This is not an e-mail address.", where="address")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"A name has 1 to {LONGEST_NAME} characters.", where="name")
    if not roles:
        raise InvalidInput("Somebody of the newsroom has at least one role.", where="roles")
    staff = tx.staff.add(address, name, locale, roles, now)
    tx.audit.add(by, "staff.added", staff.actor, {"roles": shown_roles(roles)}, now)
    return staff


def change_roles(tx: Transaction, staff: StaffMember, roles: Collection[Role], by: str, now: datetime) -> bool:
    """Give somebody these roles in place of theirs; whether that changed anything. It holds from the next page on, and
    an API token loses with its owner. Raises InvalidInput without any, Conflict where no administrator would be
    left."""
    if not roles:
        raise InvalidInput("Somebody of the newsroom has at least one role.", where="roles")
    tx.lock(STAFF)
    if frozenset(roles) == staff.roles:
        return False
    if Role.ADMINISTRATOR not in roles:
        _keep_an_administrator(tx, staff)
    tx.staff.set_roles(staff.id, roles)
    facts = {"before": shown_roles(staff.roles), "after": shown_roles(roles)}
    tx.audit.add(by, "staff.roles_changed", staff.actor, facts, now)
    return True


def disable(tx: Transaction, staff: StaffMember, by: str, now: datetime) -> bool:
    """Let somebody in no more: sessions, links and API tokens end at once; whether they were in before. Raises Conflict
    where no administrator would be left."""
    tx.lock(STAFF)
    if not staff.active:
        return False
    _keep_an_administrator(tx, staff)
    tx.staff.set_disabled(staff.id, now)
    tx.staff.drop_links(staff.id)
    ended = tx.staff_sessions.end_all(staff.id)
    revoked = tx.api_tokens.revoke_all(staff.id, now)
    tx.audit.add(by, "staff.disabled", staff.actor, {"sessions": ended, "tokens": revoked}, now)
    return True


def end_access(tx: Transaction, staff: StaffMember, by: str, now: datetime) -> bool:
    """End the sessions, links and API tokens of somebody whose right to them has ended elsewhere; whether there were
    any. They are not disabled: with the right, they come in again."""
    tx.lock(STAFF)
    tx.staff.drop_links(staff.id)
    ended = tx.staff_sessions.end_all(staff.id)
    revoked = tx.api_tokens.revoke_all(staff.id, now)
    if ended or revoked:
        tx.audit.add(by, "staff.access_ended", staff.actor, {"sessions": ended, "tokens": revoked}, now)
    return bool(ended or revoked)


def enable(tx: Transaction, staff: StaffMember, by: str, now: datetime) -> bool:
    """Let somebody in again, with the password and second factor that they had; whether they were out."""
    tx.lock(STAFF)
    if staff.active:
        return False
    tx.staff.set_disabled(staff.id, None)
    tx.audit.add(by, "staff.enabled", staff.actor, {}, now)
    return True


def reset(tx: Transaction, staff: StaffMember, life: timedelta, by: str, now: datetime) -> GivenLink:
    """Take away password, second factor and recovery codes, end all sessions and API tokens, and give a link to set
    new ones. By which subject the organisation's own sign-in knew them is forgotten: their verified address finds them
    there anew."""
    tx.lock(STAFF)
    tx.staff.set_password(staff.id, None)
    tx.staff.set_second_factor(staff.id, None, 0)
    tx.staff.set_recovery_codes(staff.id, ())
    tx.staff.set_subject(staff.id, None, None)
    ended = tx.staff_sessions.end_all(staff.id)
    revoked = tx.api_tokens.revoke_all(staff.id, now)
    tx.audit.add(by, "staff.reset", staff.actor, {"sessions": ended, "tokens": revoked}, now)
    return give_link(tx, staff, LinkPurpose.INVITATION, life, by, now)


def shown_roles(roles: Collection[Role]) -> str:
    """Roles as one word of the audit log: `administrator, editor`."""
    return ", ".join(sorted(role.value for role in roles))


def _keep_an_administrator(tx: Transaction, staff: StaffMember) -> None:
    others = [one for one in tx.staff.everyone() if one.active and one.id != staff.id]
    if Role.ADMINISTRATOR in staff.roles and not any(Role.ADMINISTRATOR in one.roles for one in others):
        raise Conflict("Somebody must stay administrator.", where="roles", hint="Make another person one first.")
