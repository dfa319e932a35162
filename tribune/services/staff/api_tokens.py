"""Make, revoke and check the tokens by which programs use the API."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.api_tokens import SEEN_EVERY, ApiToken, checked, is_api_token, new_api_token
from tribune.domain.errors import NotFound
from tribune.domain.staff import Permission, permissions
from tribune.domain.staff_members import StaffMember, token_hash
from tribune.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token. `secret` is nowhere but here: it is shown once."""

    token: ApiToken
    secret: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the API. `may`: what both the token and its owner may, at this moment."""

    staff: StaffMember
    token: ApiToken
    may: frozenset[Permission]

    @property
    def actor(self) -> str:
        """How the audit log names them."""
        return f"token/{self.token.id}"


def make_api_token(
    tx: Transaction, owner: StaffMember, name: str, scopes: Collection[Permission], life: timedelta, now: datetime
) -> MadeToken:
    """A token for its owner. Raises InvalidInput with `where` the field: name, scopes, life."""
    name, chosen = checked(name, scopes, life, permissions(owner.roles))
    secret = new_api_token()
    token = tx.api_tokens.add(owner.id, name, token_hash(secret), chosen, now, now + life)
    told = ", ".join(sorted(chosen))
    tx.audit.add(owner.actor, "api_token.made", f"token/{token.id}", {"scopes": told, "days": life.days}, now)
    return MadeToken(token, secret)


def revoke_api_token(tx: Transaction, owner: StaffMember, token: int, now: datetime) -> None:
    """End a token at once. Raises NotFound where it is not this person's, or has ended."""
    if not tx.api_tokens.revoke(token, owner.id, now):
        raise NotFound("There is no such token.")
    tx.audit.add(owner.actor, "api_token.revoked", f"token/{token}", {}, now)


def authenticate(tx: Transaction, secret: str, vouched: timedelta, now: datetime) -> Caller | None:
    """Whose token it is, and what it may; None for one that is unknown, revoked, past its time, or of somebody who is
    disabled. Whom the organisation's own sign-in knows may have left it unnoticed: theirs work for so long (`vouched`)
    after they last signed in."""
    token = tx.api_tokens.by_hash(token_hash(secret)) if is_api_token(secret) else None
    owner = tx.staff.one(token.staff) if token is not None and token.works(now) else None
    if token is None or owner is None or not owner.active:
        return None
    if owner.provider and (owner.last_sign_in_at is None or now - owner.last_sign_in_at > vouched):
        return None
    return Caller(owner, token, token.scopes & permissions(owner.roles))


def is_to_be_noted(token: ApiToken, now: datetime) -> bool:
    """Whether it is time to write down (`tx.api_tokens.used`) that the token is in use."""
    return token.last_used_at is None or now - token.last_used_at >= SEEN_EVERY
