"""Settings of the house: who it is, what it sends, its pages, keys and logs."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from tribune.config.kinds import BaseOfLinks, Language, MailAddress, Network, Section, Texts, WebAddress
from tribune.domain.audience import Cadence


class Organisation(Section):
    """Who sends. `names` and `addresses` (postal, one line) per language; `languages` that pages and mails offer."""

    names: Texts = {"en": "Tribune"}
    addresses: Texts = {"en": ""}
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("en", "fr", "es")
    default_language: Language = "en"
    website: WebAddress = "https://example.org"
    contact: MailAddress = "webmaster@example.org"


class Digest(Section):
    """A digest: a recurring product. `sender` is the visible address; `kinds` empty means any. `in_doubt`:
    what to do with mails of which nobody knows whether they left (default: as the channel does). `retired`: no longer
    offered and no longer planned; its past issues stay readable under its name."""

    names: Annotated[Texts, Field(min_length=1)]
    sender: MailAddress
    kinds: tuple[str, ...] = ()
    cadences: tuple[Cadence, ...] = tuple(Cadence)
    approval: Literal["standing", "each"] = "standing"
    max_items: Annotated[int, Field(ge=1, le=100)] = 12
    in_doubt: Literal["send_again", "quarantine"] | None = None
    retired: bool = False


class Planning(Section):
    """Rules of digests that an organisation may set (decisions.md, 10-11)."""

    at_once_wait_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 10
    at_once_daily_cap: Annotated[int, Field(ge=1)] = 5
    stale_after_hours: Annotated[int, Field(ge=1)] = 12
    pause_reach_back_days: Annotated[int, Field(ge=0)] = 30


class Web(Section):
    """The pages for readers and staff, which are reached by `base_url` (else host and port).

    Who is not signed in sees nothing of the newsroom; `desk_networks`, where any are named, keep it to these networks
    besides. `trusted_proxies` are the networks whose X-Forwarded-For is believed. /metrics answers `metrics_networks`
    only. Roles that serve no pages answer /healthz and /metrics at `metrics_host`, where `metrics_port` is set.
    A token of the API may make `api_calls_per_minute`, to each process.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    base_url: BaseOfLinks | None = None
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    desk_networks: tuple[str, ...] = ()
    metrics_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    api_calls_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    trusted_proxies: tuple[Network, ...] = ()


class SignUp(Section):
    """The public form of subscription: how many may be sent from one network (an IPv4 /24, an IPv6 /48)."""

    per_network_hour: Annotated[int, Field(ge=1)] = 100
    per_network_day: Annotated[int, Field(ge=1)] = 400


class Imports(Section):
    """Files of people that staff bring: how large one may be, and how long an unused file or a report stays."""

    most_megabytes: Annotated[int, Field(ge=1, le=10_000)] = 200
    keep_days: Annotated[int, Field(ge=1, le=365)] = 7


class Retention(Section):
    """How long personal data stays that nothing needs any more. What was asked for and never confirmed goes after
    `unconfirmed_days`, and who asked with it; from which network somebody agreed, after `network_days`; who has
    unsubscribed from everything is erased `consent_years` later: until then, what they agreed to proves that they were
    mailed with their consent."""

    unconfirmed_days: Annotated[int, Field(ge=1, le=60)] = 7
    network_days: Annotated[int, Field(ge=0)] = 90
    consent_years: Annotated[int, Field(ge=0, le=30)] = 3


class Security(Section):
    """Keys that sign links: key id -> secret of 32 characters or more. Without any, one is made in `data_dir`.

    A key id stands in return paths, whose case mail servers may fold: lowercase letters and digits, at most 8.
    `suppression_key` (32 characters or more; else one is made in `data_dir`) makes the hashes of the suppression list
    and never changes; `former_suppression_keys` are others that a part of the list was made with. A fresh link, which
    opens what a person's own data are, is good for `fresh_link_minutes`; a change of address is to be confirmed within
    `address_change_hours`."""

    signing_keys: dict[str, SecretStr] = {}
    current_key: str = ""
    suppression_key: SecretStr | None = None
    former_suppression_keys: tuple[SecretStr, ...] = ()
    fresh_link_minutes: Annotated[int, Field(ge=5, le=24 * 60)] = 60
    address_change_hours: Annotated[int, Field(ge=1, le=7 * 24)] = 48

    @field_validator("signing_keys")
    @classmethod
    def _ids_that_survive(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for kid in keys:
            if not re.fullmatch(r"[a-z0-9]{1,8}", kid):
                # A long one may be the secret, where the two were exchanged.
                named = repr(kid) if len(kid) <= 8 else f"one of {len(kid)} characters"
                raise ValueError(
                    f"a key id holds 1 to 8 lowercase letters and digits, such as k2, and not {named}: it stands in "
                    "return paths, whose case mail servers may fold. Write it in lowercase, and current_key too; links "
                    "that were signed before stay good."
                )
        return keys


class Logging(Section):
    """`format` auto is human in a terminal and JSON otherwise."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "json"] = "auto"
