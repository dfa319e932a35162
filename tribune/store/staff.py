"""Queries of staff. Implements tribune.ports.staff.Staff."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.addresses import address_key
from tribune.domain.errors import Conflict
from tribune.domain.staff import Role
from tribune.domain.staff_members import Credentials, LinkPurpose, StaffLink, StaffMember
from tribune.store.tables import staff, staff_links, staff_recovery_codes

_c = staff.c
_link = staff_links.c
_code = staff_recovery_codes.c


class SqlStaff:
    """Named queries over staff, their recovery codes and their links."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- looking ----------------------------------------------------------------------------------------------

    def one(self, staff: int) -> StaffMember | None:
        return self._one(_c.id == staff)

    def by_address(self, address: str) -> StaffMember | None:
        return self._one(_c.address_key == address_key(address))

    def by_subject(self, issuer: str, subject: str) -> StaffMember | None:
        return self._one(_c.issuer == issuer, _c.subject == subject)

    def everyone(self) -> list[StaffMember]:
        return [_member(row) for row in self._connection.execute(select(staff).order_by(_c.name, _c.id))]

    def credentials(self, staff: int) -> Credentials:
        asked = select(_c.password_hash, _c.second_factor, _c.last_step).where(_c.id == staff)
        row = self._connection.execute(asked).one_or_none()
        return Credentials(*row) if row else Credentials()

    def recovery_codes_left(self, staff: int) -> int:
        asked = select(func.count()).where(_code.staff_id == staff, _code.used_at.is_(None))
        return int(self._connection.execute(asked).scalar_one())

    def _one(self, *where: ColumnElement[bool]) -> StaffMember | None:
        row = self._connection.execute(select(staff).where(*where)).one_or_none()
        return _member(row) if row else None

    # -- changing ---------------------------------------------------------------------------------------------

    def add(self, address: str, name: str, locale: str, roles: Collection[Role], now: datetime) -> StaffMember:
        into = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(staff)
        row = self._connection.execute(
            into.values(
                address=address,
                address_key=address_key(address),
                name=name,
                locale=locale,
                roles=_words(roles),
                created_at=now,
            )
            .on_conflict_do_nothing(index_elements=[_c.address_key])
            .returning(*staff.columns)
        ).one_or_none()
        if row is None:
            raise Conflict("Somebody has this address already.", where="address")
        return _member(row)

    def set_roles(self, staff: int, roles: Collection[Role]) -> None:
        self._set(staff, roles=_words(roles))

    def set_locale(self, staff: int, locale: str) -> None:
        self._set(staff, locale=locale)

    def set_disabled(self, staff: int, at: datetime | None) -> None:
        self._set(staff, disabled_at=at)

    def issuer(self, staff: int) -> str | None:
        found: str | None = self._connection.scalar(select(_c.issuer).where(_c.id == staff))
        return found

    def set_subject(self, staff: int, issuer: str | None, subject: str | None) -> None:
        self._set(staff, issuer=issuer, subject=subject)

    def set_password(self, staff: int, password_hash: str | None) -> None:
        self._set(staff, password_hash=password_hash)

    def replace_password_hash(self, staff: int, before: str, after: str) -> None:
        self._set(staff, _c.password_hash == before, password_hash=after)

    def set_second_factor(self, staff: int, sealed: str | None, step: int) -> None:
        self._set(staff, second_factor=sealed, last_step=step)

    def use_step(self, staff: int, sealed: str, step: int) -> bool:
        return self._set(staff, _c.second_factor == sealed, _c.last_step < step, last_step=step)

    def set_recovery_codes(self, staff: int, hashes: Collection[str]) -> None:
        self._connection.execute(delete(staff_recovery_codes).where(_code.staff_id == staff))
        if hashes:
            rows = [{"staff_id": staff, "code_hash": one} for one in hashes]
            self._connection.execute(insert(staff_recovery_codes), rows)

    def use_recovery_code(self, staff: int, code_hash: str, now: datetime) -> bool:
        change = (
            update(staff_recovery_codes)
            .where(_code.staff_id == staff, _code.code_hash == code_hash, _code.used_at.is_(None))
            .values(used_at=now)
        )
        return self._connection.execute(change).rowcount == 1

    def signed_in(self, staff: int, now: datetime) -> None:
        self._set(staff, last_sign_in_at=now)

    def _set(self, number: int, *where: ColumnElement[bool], **values: Any) -> bool:
        change = update(staff).where(_c.id == number, *where).values(**values)
        return self._connection.execute(change).rowcount == 1

    # -- one-time links ---------------------------------------------------------------------------------------

    def add_link(self, token_hash: str, staff: int, purpose: LinkPurpose, now: datetime, expires_at: datetime) -> None:
        self._connection.execute(
            insert(staff_links).values(
                token_hash=token_hash, staff_id=staff, purpose=purpose.value, created_at=now, expires_at=expires_at
            )
        )

    def link(self, token_hash: str, purpose: LinkPurpose, now: datetime) -> StaffLink | None:
        row = self._connection.execute(select(staff_links).where(*_good(token_hash, purpose, now))).one_or_none()
        return _as_link(row) if row else None

    def use_link(self, token_hash: str, purpose: LinkPurpose, now: datetime) -> StaffLink | None:
        used = delete(staff_links).where(*_good(token_hash, purpose, now)).returning(*staff_links.columns)
        row = self._connection.execute(used).one_or_none()
        return _as_link(row) if row else None

    def drop_links(self, staff: int) -> None:
        self._connection.execute(delete(staff_links).where(_link.staff_id == staff))

    def forget_links_before(self, now: datetime) -> int:
        return self._connection.execute(delete(staff_links).where(_link.expires_at <= now)).rowcount


def _good(token_hash: str, purpose: LinkPurpose, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (_link.token_hash == token_hash, _link.purpose == purpose.value, _link.expires_at > now)


def _as_link(row: Row[Any]) -> StaffLink:
    return StaffLink(row.staff_id, LinkPurpose(row.purpose), row.expires_at)


def _words(roles: Collection[Role]) -> list[str]:
    return sorted(role.value for role in roles)


def _member(row: Row[Any]) -> StaffMember:
    return StaffMember(
        id=row.id,
        address=row.address,
        name=row.name,
        locale=row.locale,
        roles=frozenset(Role(word) for word in row.roles),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        last_sign_in_at=row.last_sign_in_at,
        has_password=row.password_hash is not None,
        has_second_factor=row.second_factor is not None,
        provider=row.subject is not None,
    )
