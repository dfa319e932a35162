"""Tokens by which programs use the REST API for a staff member, with no more than some of that person's permissions.

A token is `trb_` + 43 characters: the prefix lets scanners of code find one that was published by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.errors import InvalidInput
from tribune.domain.staff import Permission
from tribune.domain.staff_members import new_token

PREFIX = "trb_"
LONGEST_LIFE = timedelta(days=366)
LONGEST_NAME = 80
SEEN_EVERY = timedelta(minutes=15)
"""When a token was used last is known this exactly: not every request is a write."""

_FORM = re.compile(r"trb_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is shown: never itself. `scopes`: what it may do, as long as its owner may."""

    id: int
    staff: int
    name: str
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def works(self, now: datetime) -> bool:
        """Whether it is neither revoked nor past its time."""
        return self.revoked_at is None and now < self.expires_at


def new_api_token() -> str:
    """A token: 256 bits."""
    return PREFIX + new_token()


def is_api_token(text: str) -> bool:
    """Whether `text` has the form of one."""
    return _FORM.fullmatch(text) is not None


def checked(
    name: str, scopes: Iterable[Permission], life: timedelta, may: frozenset[Permission]
) -> tuple[str, frozenset[Permission]]:
    """The name and the scopes of a token to be made. `may`: the permissions of its owner. Raises InvalidInput, with
    `where` the field: name, scopes or life."""
    name, chosen = " ".join(name.split()), frozenset(scopes)
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput(f"A token needs a name of 1 to {LONGEST_NAME} characters.", where="name")
    if not chosen or not chosen <= may:
        raise InvalidInput("A token may do one thing or more, and nothing that its owner may not.", where="scopes")
    if not timedelta() < life <= LONGEST_LIFE:
        raise InvalidInput("A token lasts a day to a year.", where="life")
    return name, chosen
