"""Whom the organisation's own sign-in (OpenID Connect) vouches for, and whether the newsroom takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tribune.domain.addresses import ascii_domain
from tribune.domain.staff import Role


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """What a provider says of somebody. Issuer and subject name them for good; the address may change."""

    issuer: str
    subject: str
    address: str = ""
    address_verified: bool = False
    name: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """Whom we take: with a verified address in `domains` (empty: any), and in one of the groups that `roles` gives
    roles to. Without `roles`, only people who were added here; they keep the roles that they have here."""

    domains: frozenset[str] = frozenset()
    roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)

    def takes(self, identity: Identity) -> bool:
        """Whether the address is one of ours."""
        domain = ascii_domain(identity.address.rpartition("@")[2])
        ours = {ascii_domain(one) for one in self.domains}
        return not ours or (identity.address_verified and domain in ours)

    def roles_of(self, identity: Identity) -> frozenset[Role] | None:
        """The roles that the person's groups give; None where roles are given here, not by groups."""
        if not self.roles:
            return None
        return frozenset[Role]().union(*(roles for group, roles in self.roles.items() if group in identity.groups))
