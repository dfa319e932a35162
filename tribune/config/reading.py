"""Reading the settings: a file, then the environment; and what is said of a mistake."""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from tribune.config.settings import Settings
from tribune.domain.errors import ConfigurationError


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


_SECRETS = ("email.smtp", "security", "store", "log.sasl", "staff.oidc")


def _explain(path: Path | None, error: ValidationError) -> str:
    """One line a mistake: the key, the value (never a secret), what is allowed."""
    lines = []
    for mistake in error.errors(include_url=False, include_context=True):
        key = ".".join(str(part) for part in mistake["loc"]) or "settings"
        # What stands under an unknown key may be a secret whose name was mistyped.
        secret = mistake["type"] == "extra_forbidden" or key.startswith(
            ("email.smtp", "security", "store", "log.sasl", "staff.oidc")
        )
        given = (
            ""
            if secret or mistake["type"] == "missing" or isinstance(mistake["input"], dict)
            else f" = {mistake['input']!r}"
        )
        said = "there is no such key" if mistake["type"] == "extra_forbidden" else mistake["msg"]
        lines.append(f"{key}{given}: {said[0].lower() + said[1:]}")
    where = str(path) if path else "the environment"
    return f"Settings ({where}) have {len(lines)} mistake{'s' if len(lines) > 1 else ''}:\n  " + "\n  ".join(lines)
