"""Tokens of the REST API. Reached as `tx.api_tokens`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from tribune.domain.api_tokens import ApiToken
from tribune.domain.staff import Permission


class ApiTokens(Protocol):
    """Tokens, by their hash."""

    def add(
        self,
        staff: int,
        name: str,
        token_hash: str,
        scopes: Collection[Permission],
        now: datetime,
        expires_at: datetime,
    ) -> ApiToken: ...

    def by_hash(self, token_hash: str) -> ApiToken | None: ...

    def of(self, staff: int) -> list[ApiToken]:
        """The newest first, those that are revoked or past their time too."""
        ...

    def used(self, token: int, now: datetime) -> None: ...

    def revoke(self, token: int, staff: int, now: datetime) -> bool:
        """Revoke a token of this person; False where they have no such that works."""
        ...

    def revoke_all(self, staff: int, now: datetime) -> int: ...
