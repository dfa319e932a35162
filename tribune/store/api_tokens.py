"""Queries of the API's tokens. Implements tribune.ports.api_tokens.ApiTokens."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tribune.domain.api_tokens import ApiToken
from tribune.domain.staff import Permission
from tribune.store.tables import api_tokens

_c = api_tokens.c
_KNOWN = frozenset(permission.value for permission in Permission)


class SqlApiTokens:
    """Named queries over one table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        staff: int,
        name: str,
        token_hash: str,
        scopes: Collection[Permission],
        now: datetime,
        expires_at: datetime,
    ) -> ApiToken:
        row = self._connection.execute(
            insert(api_tokens)
            .values(
                staff_id=staff,
                name=name,
                token_hash=token_hash,
                scopes=sorted(scope.value for scope in scopes),
                created_at=now,
                expires_at=expires_at,
            )
            .returning(*api_tokens.columns)
        ).one()
        return _token(row)

    def by_hash(self, token_hash: str) -> ApiToken | None:
        row = self._connection.execute(select(api_tokens).where(_c.token_hash == token_hash)).one_or_none()
        return _token(row) if row else None

    def of(self, staff: int) -> list[ApiToken]:
        asked = select(api_tokens).where(_c.staff_id == staff).order_by(_c.id.desc())
        return [_token(row) for row in self._connection.execute(asked)]

    def used(self, token: int, now: datetime) -> None:
        self._connection.execute(update(api_tokens).where(_c.id == token).values(last_used_at=now))

    def revoke(self, token: int, staff: int, now: datetime) -> bool:
        change = update(api_tokens).where(_c.id == token, _c.staff_id == staff, _c.revoked_at.is_(None))
        return self._connection.execute(change.values(revoked_at=now)).rowcount == 1

    def revoke_all(self, staff: int, now: datetime) -> int:
        change = update(api_tokens).where(_c.staff_id == staff, _c.revoked_at.is_(None))
        return self._connection.execute(change.values(revoked_at=now)).rowcount


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        staff=row.staff_id,
        name=row.name,
        # A permission that is no more permits nothing.
        scopes=frozenset(Permission(scope) for scope in row.scopes if scope in _KNOWN),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
