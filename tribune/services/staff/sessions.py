"""Open, find and end the sessions of staff. A session's token is in the browser alone; the store keeps its hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.errors import NotFound
from tribune.domain.staff_members import Session, StaffMember, Way, new_token, token_hash
from tribune.ports.store import Transaction

SEEN_EVERY = timedelta(minutes=1)
"""When a session was seen last is known this exactly: not every page is a write."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """A session ends when nobody has used it for `idle`, and in any case after `whole`."""

    idle: timedelta
    whole: timedelta


@dataclass(frozen=True, slots=True)
class Browser:
    """Where somebody signs in from, as its owner will know it again."""

    agent: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who is signed in. `token` is for the cookie, and only there where the session is new."""

    staff: StaffMember
    session: Session
    token: str = ""


def open_session(
    tx: Transaction, staff: StaffMember, way: Way, browser: Browser, rules: SessionRules, now: datetime
) -> SignedIn:
    """A new session under a new id: whatever the browser had before means nothing."""
    token = new_token()
    session = tx.staff_sessions.add(
        token_hash(token), staff.id, way, now, now + rules.whole, browser.agent[:200], browser.network[:50]
    )
    tx.staff.signed_in(staff.id, now)
    tx.audit.add(staff.actor, "sign_in.done", staff.actor, {"way": way.value, "session": session.id}, now)
    return SignedIn(staff, session, token)


def find_session(tx: Transaction, token: str, rules: SessionRules, now: datetime) -> SignedIn | None:
    """Who is signed in with this token, if anybody is."""
    session = tx.staff_sessions.by_hash(token_hash(token))
    if session is None or now >= session.expires_at or now - session.seen_at >= rules.idle:
        return None
    staff = tx.staff.one(session.staff)
    return SignedIn(staff, session) if staff is not None and staff.active else None


def is_to_be_noted(session: Session, now: datetime) -> bool:
    """Whether it is time to write down that the session is in use."""
    return now - session.seen_at >= SEEN_EVERY


def end_session(tx: Transaction, staff: StaffMember, session: int, now: datetime) -> None:
    """Sign one browser out. Raises NotFound where it is not this person's."""
    if not tx.staff_sessions.end(session, staff.id):
        raise NotFound("There is no such session.")
    tx.audit.add(staff.actor, "sign_out.done", staff.actor, {"session": session}, now)


def end_other_sessions(tx: Transaction, who: SignedIn, now: datetime) -> int:
    """Sign all other browsers of this person out; how many."""
    ended = tx.staff_sessions.end_all(who.staff.id, but=who.session.id)
    tx.audit.add(who.staff.actor, "sign_out.elsewhere", who.staff.actor, {"sessions": ended}, now)
    return ended
