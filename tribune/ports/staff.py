"""Staff: who they are, what proves it, and the links that let them in once. Reached as `tx.staff`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from tribune.domain.staff import Role
from tribune.domain.staff_members import Credentials, LinkPurpose, StaffLink, StaffMember

STAFF = "staff"
"""The lock of whoever changes who may do what: the last administrator stays one."""


class Staff(Protocol):
    """The people of the newsroom."""

    # looking
    def one(self, staff: int) -> StaffMember | None: ...

    def by_address(self, address: str) -> StaffMember | None:
        """However its letters are written."""
        ...

    def by_subject(self, issuer: str, subject: str) -> StaffMember | None:
        """Whom the organisation's own sign-in knows by this subject."""
        ...

    def everyone(self) -> list[StaffMember]:
        """By name."""
        ...

    def credentials(self, staff: int) -> Credentials: ...

    def recovery_codes_left(self, staff: int) -> int: ...

    # changing
    def add(self, address: str, name: str, locale: str, roles: Collection[Role], now: datetime) -> StaffMember:
        """A new person, who cannot sign in yet. Raises Conflict where the address is taken."""
        ...

    def set_roles(self, staff: int, roles: Collection[Role]) -> None: ...

    def set_locale(self, staff: int, locale: str) -> None: ...

    def set_disabled(self, staff: int, at: datetime | None) -> None: ...

    def issuer(self, staff: int) -> str | None:
        """The provider that knows this person by a subject of its own; None where none does."""
        ...

    def set_subject(self, staff: int, issuer: str | None, subject: str | None) -> None: ...

    def set_password(self, staff: int, password_hash: str | None) -> None: ...

    def replace_password_hash(self, staff: int, before: str, after: str) -> None:
        """The same password, hashed anew; unless another has been set meanwhile."""
        ...

    def set_second_factor(self, staff: int, sealed: str | None, step: int) -> None: ...

    def use_step(self, staff: int, sealed: str, step: int) -> bool:
        """Use up a time step of this secret; False where it, or a later one, is used up already."""
        ...

    def set_recovery_codes(self, staff: int, hashes: Collection[str]) -> None:
        """In place of all that there were."""
        ...

    def use_recovery_code(self, staff: int, code_hash: str, now: datetime) -> bool:
        """Use up a recovery code; False where there is none such left."""
        ...

    def signed_in(self, staff: int, now: datetime) -> None: ...

    # one-time links
    def add_link(
        self, token_hash: str, staff: int, purpose: LinkPurpose, now: datetime, expires_at: datetime
    ) -> None: ...

    def link(self, token_hash: str, purpose: LinkPurpose, now: datetime) -> StaffLink | None:
        """A link that is still good."""
        ...

    def use_link(self, token_hash: str, purpose: LinkPurpose, now: datetime) -> StaffLink | None:
        """Use it up; None where it is not good, or somebody was quicker."""
        ...

    def drop_links(self, staff: int) -> None:
        """None of the links that this person was given is good any more."""
        ...

    def forget_links_before(self, now: datetime) -> int:
        """Delete those past their time; how many."""
        ...
