"""Settings of staff: how long sessions and links last, and the organisation's own sign-in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator

from tribune.config.kinds import Section, WebAddress
from tribune.domain.staff import Role


class Oidc(Section):
    """Sign-in through OpenID Connect, where `issuer` is set. `name` stands on the button. Only people with a verified
    address in `allowed_domains` (empty: any) are let in; with `roles` (group -> roles), those in one of its groups, and
    their roles follow the groups; without, those who were added here. API tokens of people who are known by this
    sign-in work for `token_days` after they last signed in. `allowed_private_networks`: where the provider
    may stand inside your own network."""

    issuer: WebAddress | None = None
    name: Annotated[str, Field(max_length=60)] = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    groups_claim: str = "groups"
    roles: dict[str, tuple[Role, ...]] = {}
    allowed_domains: tuple[str, ...] = ()
    token_days: Annotated[int, Field(ge=1, le=365)] = 30
    allowed_private_networks: tuple[str, ...] = ()

    @field_validator("scopes")
    @classmethod
    def _openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("openid must be among the scopes")
        return scopes

    @model_validator(mode="after")
    def _whole(self) -> Oidc:
        if self.issuer is not None and not self.client_id:
            raise ValueError("staff.oidc needs a client_id")
        if self.issuer is not None and self.issuer.startswith("http:") and not self.allowed_private_networks:
            raise ValueError("an issuer begins with https://, unless it stands in allowed_private_networks")
        return self


class Staff(Section):
    """A session of staff ends `session_idle_minutes` after its last page and `session_hours` after the sign-in. An
    invitation is good for `invitation_hours`, a sign-in link for `link_minutes`."""

    session_idle_minutes: Annotated[int, Field(ge=5, le=24 * 60)] = 60
    session_hours: Annotated[int, Field(ge=1, le=24 * 7)] = 12
    invitation_hours: Annotated[int, Field(ge=1, le=24 * 7)] = 24
    link_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    oidc: Oidc = Oidc()
