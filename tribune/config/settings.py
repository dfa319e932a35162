"""All settings in one: the keys of `tribune.toml`."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tribune.config.engines import Log, Store
from tribune.config.house import Digest, Imports, Logging, Organisation, Planning, Retention, Security, SignUp, Web
from tribune.config.sending import Email, Ledger
from tribune.config.sources import Http, Sources
from tribune.config.staff import Staff


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
    sign_up: SignUp = SignUp()
    imports: Imports = Imports()
    retention: Retention = Retention()
    staff: Staff = Staff()
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
            # What a token can carry (tribune.domain.tokens), and an address of a page.
            if not re.fullmatch(r"(?=.*[A-Za-z0-9])[A-Za-z0-9-]{1,60}", name):
                raise ValueError(f"{name!r} is not an id: use letters (a-z, A-Z), digits and -, at most 60")
        return digests

    @model_validator(mode="after")
    def _default_language_is_offered(self) -> Settings:
        if self.organisation.default_language not in self.organisation.languages:
            raise ValueError("organisation.default_language must be one of organisation.languages")
        return self
