"""Settings: `tribune.toml`, then the environment (`TRIBUNE_STORE__URL=...`). One section a channel or source.

A mistake names the key, the value and what is allowed. Secrets are SecretStr: they never appear in a repr or a log.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from tribune.domain.audience import Cadence
from tribune.domain.errors import ConfigurationError
from tribune.domain.topics import PARTITIONS

Texts = dict[str, str]


def _mail_address(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(f"it must be an e-mail address: {error}") from None


def _domain(text: str) -> str:
    if not re.fullmatch(r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]+", text):
        raise ValueError("it must be a domain, such as bounces.example.org")
    return text


def _web_address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("it must be an address that begins with https:// or http://")
    return text


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        raise ValueError("it must be a language tag, such as fr or pt-BR")
    return text


MailAddress = Annotated[str, AfterValidator(_mail_address)]
Domain = Annotated[str, AfterValidator(_domain)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Language = Annotated[str, AfterValidator(_language)]
Minutes = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of the settings: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    what to do with mails of which nobody knows whether they left (default: as the channel does)."""

    names: Annotated[Texts, Field(min_length=1)]
    sender: MailAddress
    kinds: tuple[str, ...] = ()
    cadences: tuple[Cadence, ...] = tuple(Cadence)
    approval: Literal["standing", "each"] = "standing"
    max_items: Annotated[int, Field(ge=1, le=100)] = 12
    in_doubt: Literal["send_again", "quarantine"] | None = None


class Store(Section):
    """Where state is kept: `sqlite:///file`, or `postgresql://user@host/database`, to which the others belong.

    `prepared_statements` off is for a pooler that mixes sessions (pgbouncer before 1.21).
    """

    url: Annotated[str, Field(repr=False)] = "sqlite:///var/tribune.sqlite3"  # not shown: it may hold a password
    pool_size: Annotated[int, Field(ge=1, le=100)] = 5
    statement_timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    lock_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    application_name: Annotated[str, Field(max_length=63)] = "tribune"
    prepared_statements: bool = True


class Sasl(Section):
    """How we prove to Kafka who we are. With `none` the broker lets anybody in."""

    mechanism: Literal["none", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "none"
    username: str = ""
    password: SecretStr = SecretStr("")


class KafkaTls(Section):
    """An encrypted connection to Kafka. The certificate is always verified, with `ca_file` by that authority alone."""

    on: bool = False
    ca_file: Path | None = None


class Log(Section):
    """Where events are kept: `embedded` in the store's SQLite file, or on Kafka beside a store on PostgreSQL.

    `prefix` begins the names of all topics and groups. `replicas` of topics that we create: by default as many as the
    brokers say. `partitions` of each topic: so many copies of consumers, and of senders, share the work; `tribune
    migrate` makes them, and their number only grows (docs/settings.md). A member that is killed is missed after
    `session_seconds`; one that works on one event for longer than `work_seconds` without a sign of life is taken for
    stuck."""

    kind: Literal["embedded", "kafka"] = "embedded"
    bootstrap_servers: Annotated[tuple[str, ...], Field(min_length=1)] = ("127.0.0.1:9092",)
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,60}$")] = "tribune."
    partitions: Annotated[int, Field(ge=1, le=256)] = PARTITIONS
    replicas: Annotated[int, Field(ge=1, le=32)] | None = None
    sasl: Sasl = Sasl()
    tls: KafkaTls = KafkaTls()
    session_seconds: Annotated[float, Field(ge=1, le=1800)] = 10.0
    work_seconds: Annotated[float, Field(ge=1)] = 300.0
    request_timeout_seconds: Annotated[float, Field(ge=0.5, le=300)] = 10.0
    delivery_timeout_seconds: Annotated[float, Field(ge=1, le=600)] = 20.0

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for server in servers:
            if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):\d{1,5}", server):
                raise ValueError(f"{server!r} is not a host and a port, such as kafka.example.org:9092")
        return servers

    @model_validator(mode="after")
    def _whole(self) -> Log:
        if self.sasl.mechanism != "none" and not (self.sasl.username and self.sasl.password.get_secret_value()):
            raise ValueError("log.sasl needs a username and a password")
        if self.delivery_timeout_seconds < self.request_timeout_seconds:
            raise ValueError("delivery_timeout_seconds must be at least request_timeout_seconds")
        return self


class Smtp(Section):
    """A mail server. The certificate is always verified; `ca_file` adds an own authority.

    With `auth` xoauth2 the password is the access token. `connections`: at most, for each process or thread that sends.
    """

    host: str = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    auth: Literal["auto", "plain", "login", "xoauth2"] = "auto"
    ca_file: Path | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    connections: Annotated[int, Field(ge=1, le=100)] = 10


class Throttle(Section):
    """How fast mail may leave, over all workers: mails a second in all (0: no limit), the share of it that one domain
    group may take, and rates of single groups (a provider's name as the ledger has it: google, microsoft, other)."""

    messages_per_second: Annotated[float, Field(ge=0)] = 0.0
    domain_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    domains: dict[str, Annotated[float, Field(gt=0)]] = {}


class Ledger(Section):
    """A sender that is not heard of for `lease_seconds` has its chunk taken over. Who got what is known for `keep_days`
    after a mailing ended; its numbers stay."""

    lease_seconds: Annotated[float, Field(ge=2)] = 180.0
    keep_days: Annotated[int, Field(ge=60)] = 400


class Email(Section):
    """How mail leaves. `return_path_domain` receives bounces. Mails in the outbox folder are kept for some days."""

    channel: Literal["outbox", "smtp"] = "outbox"
    outbox_folder: Path = Path("var/outbox")
    return_path_domain: Domain = "bounces.example.org"
    keep_captured_days: Annotated[int, Field(ge=1)] = 30
    smtp: Smtp = Smtp()
    throttle: Throttle = Throttle()


class Web(Section):
    """The desk and the pages behind links, which readers reach by `base_url` (else host and port).

    The desk answers `desk_networks` only. Roles that serve no pages answer /healthz and /metrics at `metrics_host`,
    where `metrics_port` is set.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    base_url: WebAddress | None = None
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    desk_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")


class Security(Section):
    """Keys that sign links: key id -> secret of 32 characters or more. Without any, one is made in `data_dir`."""

    signing_keys: dict[str, SecretStr] = {}
    current_key: str = ""


class Planning(Section):
    """Rules of digests that an organisation may set (decisions.md, 10-11)."""

    at_once_wait_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 10
    at_once_daily_cap: Annotated[int, Field(ge=1)] = 5
    stale_after_hours: Annotated[int, Field(ge=1)] = 12
    pause_reach_back_days: Annotated[int, Field(ge=0)] = 30


class Http(Section):
    """Limits of fetching."""

    timeout_seconds: float = 30.0
    total_seconds: float = 120.0
    max_bytes: int = 50_000_000
    allowed_private_networks: tuple[str, ...] = ()


class FeedSource(Section):
    """A feed to watch. `policy_areas`, `places`, `kind`, `language` hold where an entry says nothing.

    `categories` maps the feed's own words to policy areas; entries published before `since` are left out."""

    address: str
    every_minutes: Minutes = 30
    kind: str = "report"
    language: str = "en"
    policy_areas: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    categories: dict[str, str] = {}
    since: date | None = None


class OaiSource(Section):
    """An OAI-PMH repository to harvest. As for a feed; `since` is also where the first harvest begins."""

    address: str
    every_minutes: Minutes = 24 * 60
    prefix: str = "oai_dc"
    set: str = ""
    kind: str = "report"
    language: str = "en"
    policy_areas: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    categories: dict[str, str] = {}
    since: date | None = None


class IlostatSource(Section):
    """An ILOSTAT bulk file or data API address (CSV). `labels` name the indicator per language."""

    address: str
    every_minutes: Minutes = 24 * 60
    labels: Texts = {}
    unit: Literal["percent", "ratio", "number"] = "percent"
    policy_areas: tuple[str, ...] = ("labour_statistics",)
    headline_places: tuple[str, ...] = ()
    link: str = ""
    credit: str = "ILOSTAT (© ILO, CC BY 4.0)"
    max_bytes: int = 500_000_000


class Sources(Section):
    """What producers watch, by source id."""

    feeds: dict[str, FeedSource] = {}
    oai: dict[str, OaiSource] = {}
    ilostat: dict[str, IlostatSource] = {}


class Logging(Section):
    """`format` auto is human in a terminal and JSON otherwise."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "json"] = "auto"


class Settings(BaseSettings):
    """All settings. Build with `load`."""

    model_config = SettingsConfigDict(
        env_prefix="TRIBUNE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    data_dir: Path = Path("var")
    clock_offset_file: Path | None = None
    codelists: Path | None = None
    locales: tuple[Path, ...] = ()
    organisation: Organisation = Organisation()
    digests: dict[str, Digest] = {}
    store: Store = Store()
    log: Log = Log()
    email: Email = Email()
    ledger: Ledger = Ledger()
    web: Web = Web()
    security: Security = Security()
    planning: Planning = Planning()
    http: Http = Http()
    sources: Sources = Sources()
    logging: Logging = Logging()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @field_validator("digests")
    @classmethod
    def _short_ids(cls, digests: dict[str, Digest]) -> dict[str, Digest]:
        for name in digests:
            if not name.replace("-", "").isalnum() or len(name) > 60:
                raise ValueError(f"{name!r} is not an id: use letters, digits and -, at most 60")
        return digests

    @model_validator(mode="after")
    def _default_language_is_offered(self) -> Settings:
        if self.organisation.default_language not in self.organisation.languages:
            raise ValueError("organisation.default_language must be one of organisation.languages")
        return self


def load(path: Path | None = None, **overrides: Any) -> Settings:
    """The settings from `path` (else $TRIBUNE_CONFIG, else ./tribune.toml where it exists) and the environment.

    Paths are relative to the folder where it runs. Raises ConfigurationError.
    """
    found = path or (Path(os.environ["TRIBUNE_CONFIG"]) if "TRIBUNE_CONFIG" in os.environ else Path("tribune.toml"))
    values: dict[str, Any] = {}
    if found.is_file():
        try:
            values = tomllib.loads(found.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{found}: this is not TOML: {error}") from None
    elif path is not None or "TRIBUNE_CONFIG" in os.environ:
        raise ConfigurationError(f"{found}: there is no such file; give --config or set TRIBUNE_CONFIG.")
    _merge(values, overrides)
    _refuse_unknown_variables()
    try:
        return Settings(**values)
    except SettingsError as error:
        told = str(error).partition("from source")[0].strip()
        raise ConfigurationError(f"The environment: {told}: a section or a table is written as JSON.") from None
    except ValidationError as error:
        raise ConfigurationError(_explain(found if found.is_file() else None, error)) from None


def _refuse_unknown_variables() -> None:
    """A variable that is none of ours is a mistake, as an unknown key in the file is. Its value is not repeated."""
    ours = {*Settings.model_fields, "config", "debug"}
    for name in os.environ:
        section = name.removeprefix("TRIBUNE_").split("__")[0].lower()
        if name.startswith("TRIBUNE_") and section not in ours:
            near = difflib.get_close_matches(section, ours, n=1)
            hint = f" Did you mean TRIBUNE_{near[0].upper()}?" if near else ""
            raise ConfigurationError(f"The environment: {name}: there is no such setting.{hint}")


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _explain(path: Path | None, error: ValidationError) -> str:
    """One line a mistake: the key, the value (never a secret), what is allowed."""
    lines = []
    for mistake in error.errors(include_url=False, include_context=True):
        key = ".".join(str(part) for part in mistake["loc"]) or "settings"
        # What stands under an unknown key may be a secret whose name was mistyped.
        secret = mistake["type"] == "extra_forbidden" or key.startswith(("email.smtp", "security", "store", "log.sasl"))
        given = (
            ""
            if secret or mistake["type"] == "missing" or isinstance(mistake["input"], dict)
            else f" = {mistake['input']!r}"
        )
        said = "there is no such key" if mistake["type"] == "extra_forbidden" else mistake["msg"]
        lines.append(f"{key}{given}: {said[0].lower() + said[1:]}")
    where = str(path) if path else "the environment"
    return f"Settings ({where}) have {len(lines)} mistake{'s' if len(lines) > 1 else ''}:\n  " + "\n  ".join(lines)
