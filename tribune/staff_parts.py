"""The part of the wiring that staff need: sessions, passwords, the organisation's own sign-in. See bootstrap."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from tribune import config
from tribune.key_parts import KeyParts
from tribune.ports.clock import Clock

if TYPE_CHECKING:
    from tribune.domain.identity import IdentityRules
    from tribune.domain.sealing import Vault
    from tribune.ports.identity import IdentityProvider
    from tribune.services.staff.passwords import Passwords
    from tribune.services.staff.sessions import SessionRules


class StaffParts(KeyParts):
    """Parts of the application, each built on first use."""

    settings: config.Settings
    clock: Clock

    @cached_property
    def vault(self) -> Vault:
        from tribune.domain.sealing import Vault

        return Vault(*self.keys)

    @cached_property
    def passwords(self) -> Passwords:
        from tribune.services.staff.passwords import Passwords

        return Passwords()

    @cached_property
    def session_rules(self) -> SessionRules:
        from tribune.services.staff.sessions import SessionRules

        told = self.settings.staff
        return SessionRules(timedelta(minutes=told.session_idle_minutes), timedelta(hours=told.session_hours))

    @cached_property
    def tokens_vouched(self) -> timedelta:
        """How long after their last sign-in the API tokens of people of the organisation's own sign-in work."""
        return timedelta(days=self.settings.staff.oidc.token_days)

    @cached_property
    def identity_provider(self) -> IdentityProvider | None:
        """The organisation's own sign-in, where it has one."""
        told = self.settings.staff.oidc
        if told.issuer is None:
            return None
        from tribune.channels.openid import OpenIdProvider

        return OpenIdProvider(
            issuer=told.issuer,
            client_id=told.client_id,
            client_secret=told.client_secret.get_secret_value(),
            scopes=told.scopes,
            groups_claim=told.groups_claim,
            allowed_private_networks=told.allowed_private_networks,
            clock=self.clock,
        )

    @cached_property
    def identity_rules(self) -> IdentityRules:
        from tribune.domain.identity import IdentityRules

        told = self.settings.staff.oidc
        roles = {group: frozenset(roles) for group, roles in told.roles.items()}
        return IdentityRules(frozenset(told.allowed_domains), roles)
