"""One-time links for staff: made on the server or by an administrator, used once, good for a short time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.errors import Conflict, NotFound
from tribune.domain.staff_members import LinkPurpose, StaffMember, Way, new_token, token_hash
from tribune.ports.store import Transaction
from tribune.services.staff.sessions import Browser, SessionRules, SignedIn, open_session


@dataclass(frozen=True, slots=True)
class GivenLink:
    """A link to hand to `staff`. `token` is nowhere but here."""

    staff: StaffMember
    token: str
    expires_at: datetime


def give_link(
    tx: Transaction, staff: StaffMember, purpose: LinkPurpose, life: timedelta, by: str, now: datetime
) -> GivenLink:
    """A new link; those that were given before are good no more. Raises Conflict for somebody who is disabled."""
    if not staff.active:
        raise Conflict(f"{staff.actor} is disabled.", hint="Enable them first.")
    token = new_token()
    tx.staff.drop_links(staff.id)
    tx.staff.add_link(token_hash(token), staff.id, purpose, now, now + life)
    tx.audit.add(by, "staff.link_given", staff.actor, {"purpose": purpose.value}, now)
    return GivenLink(staff, token, now + life)


def holder(tx: Transaction, token: str, purpose: LinkPurpose, now: datetime) -> StaffMember:
    """Whose link it is, without using it up. Raises NotFound where it is good for nothing."""
    link = tx.staff.link(token_hash(token), purpose, now)
    staff = tx.staff.one(link.staff) if link is not None else None
    if staff is None or not staff.active:
        raise NotFound("This link is not good any more.")
    return staff


def use_up(tx: Transaction, token: str, purpose: LinkPurpose, now: datetime) -> StaffMember:
    """Whose link it was. Raises NotFound where it is good for nothing, or somebody was quicker."""
    link = tx.staff.use_link(token_hash(token), purpose, now)
    staff = tx.staff.one(link.staff) if link is not None else None
    if staff is None or not staff.active:
        raise NotFound("This link is not good any more.")
    return staff


def sign_in_by_link(tx: Transaction, token: str, browser: Browser, rules: SessionRules, now: datetime) -> SignedIn:
    """Let the holder of a sign-in link in, once. Raises NotFound."""
    staff = use_up(tx, token, LinkPurpose.SIGN_IN, now)
    return open_session(tx, staff, Way.LINK, browser, rules, now)
