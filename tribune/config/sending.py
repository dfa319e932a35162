"""Settings of sending: how mail leaves and how fast, and how long is known who got what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from tribune.config.kinds import Domain, Section
from tribune.domain.addresses import GROUPS, domain_group


class Smtp(Section):
    """A mail server. The certificate is always verified; `ca_file` adds an own authority.

    With `auth` xoauth2 the password is the access token. `password_file` is read anew at each sign-in: for tokens that
    are renewed, and for secrets that a container is given as files. `connections`: at most, for each process or thread
    that sends; `[email.throttle] connections` is for all of them together.
    """

    host: str = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    auth: Literal["auto", "plain", "login", "xoauth2"] = "auto"
    ca_file: Path | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    connections: Annotated[int, Field(ge=1, le=100)] = 10

    @model_validator(mode="after")
    def _one_password(self) -> Smtp:
        if self.password_file is not None and self.password.get_secret_value():
            raise ValueError("password and password_file are both set: leave one of them out")
        return self


class Throttle(Section):
    """How fast mail may leave, over all workers: mails a second in all (0: no limit), connections in all (0: only what
    `[email.smtp]` says for each), the share of the mails that one domain group may take, and rates of single groups (a
    provider's name as the ledger has it: google, microsoft, other)."""

    messages_per_second: Annotated[float, Field(ge=0)] = 0.0
    connections: Annotated[int, Field(ge=0, le=10_000)] = 0
    domain_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    domains: dict[str, Annotated[float, Field(gt=0)]] = {}

    @field_validator("domains", mode="before")
    @classmethod
    def _are_groups(cls, domains: Any) -> Any:
        for name, rate in domains.items() if isinstance(domains, dict) else ():
            while isinstance(rate, dict) and rate:  # gmail.com without quotes is a table `gmail` that has `com`
                part, rate = next(iter(rate.items()))
                name = f"{name}.{part}"
            if name not in GROUPS:
                belongs = f"; {name} belongs to {domain_group(name)!r}" if "." in name else ""
                raise ValueError(f"{name!r} is no group of domains{belongs}. The groups are {', '.join(GROUPS)}")
        return domains


class Email(Section):
    """How mail leaves. `return_path_domain` receives bounces. Mails in the outbox folder are kept for some days."""

    channel: Literal["outbox", "smtp"] = "outbox"
    outbox_folder: Path = Path("var/outbox")
    return_path_domain: Domain = "bounces.example.org"
    keep_captured_days: Annotated[int, Field(ge=1)] = 30
    smtp: Smtp = Smtp()
    throttle: Throttle = Throttle()


class Ledger(Section):
    """A sender that is not heard of for `lease_seconds` has its chunk taken over. Who got what is known for `keep_days`
    after a mailing ended; its numbers stay."""

    lease_seconds: Annotated[float, Field(ge=2)] = 180.0
    keep_days: Annotated[int, Field(ge=60)] = 400
