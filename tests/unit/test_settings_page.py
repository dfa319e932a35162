"""docs/settings.md names every setting, and what it shows is valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from tests.conftest import ROOT
from tribune import config
from tribune.domain.addresses import GROUPS

PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from fields(inner)


def test_every_setting_is_named() -> None:
    missing = [name for name in fields(config.Settings) if not re.search(rf"\b{name}\b", PAGE)]
    assert missing == []


def test_every_group_of_domains_is_named() -> None:
    assert [group for group in GROUPS if f"`{group}`" not in PAGE] == []


def test_the_example_is_valid_with_and_without_its_comments(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    file = tmp_path / "tribune.toml"
    file.write_text(example, encoding="utf-8")
    settings = config.load(file)
    assert settings.sources.feeds["news"].every_minutes == 30
    assert settings.digests["letter"].sender == "letter@observatory.example"
