"""The part of the wiring that staff need: keys, sessions, passwords, the organisation's own sign-in. See bootstrap."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tribune import config
from tribune.domain.errors import ConfigurationError
from tribune.ports.clock import Clock

if TYPE_CHECKING:
    from tribune.domain.identity import IdentityRules
    from tribune.domain.sealing import Vault
    from tribune.ports.identity import IdentityProvider
    from tribune.services.staff.passwords import Passwords
    from tribune.services.staff.sessions import SessionRules


class StaffParts:
    """Parts of the application, each built on first use."""

    settings: config.Settings
    clock: Clock

    @cached_property
    def keys(self) -> tuple[Mapping[str, bytes], str]:
        """Key id -> secret, and the id of the key that signs."""
        told = self.settings.security
        keys = {kid: secret.get_secret_value().encode() for kid, secret in told.signing_keys.items()}
        for kid, secret in keys.items():
            if len(secret) < 32:
                raise ConfigurationError(f"security.signing_keys.{kid}: a secret holds at least 32 characters.")
        if not keys:
            return {"k1": own_key(self.settings.data_dir / "signing.key")}, "k1"
        current = told.current_key or max(keys)
        if current not in keys:
            raise ConfigurationError(
                f"security.current_key = {current!r}: it must be one of {', '.join(sorted(keys))}."
            )
        return keys, current

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


def own_key(path: Path, lost: str = "and the unsubscribe links of all mails sent so far stop working") -> bytes:
    """A key of this installation, made on first use and readable by its owner only. `lost`: what is if it is."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")  # readable by its owner only
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_hex(32).encode())
                file.flush()
                os.fsync(file.fileno())
            # The key appears whole, and only one: of several processes that start at once, one wins.
            with suppress(FileExistsError):
                os.link(aside, path)
        finally:
            Path(aside).unlink()
    key = path.read_bytes()
    if len(key) < 32:
        raise ConfigurationError(
            f"{path} holds no key: it is cut short. Put it back from your backup; or delete it, {lost}."
        )
    return key
