"""Environments share what one of them has compiled."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from tribune.rendering.compiled import Compiled


def environment(folder: Path, compiled: Compiled, word: str) -> Environment:
    made = Environment(loader=FileSystemLoader(folder), bytecode_cache=compiled, autoescape=True)
    made.globals["word"] = word
    return made


def test_each_renders_with_its_own_words_and_compiles_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.html").write_text("{{ word }}, {{ name }}", encoding="utf-8")
    compiled = Compiled()
    assert environment(tmp_path, compiled, "Bonjour").get_template("page.html").render(name="<Awa>") == (
        "Bonjour, &lt;Awa&gt;"
    )
    monkeypatch.setattr(Environment, "_generate", lambda *_, **__: pytest.fail("compiled again"))
    assert environment(tmp_path, compiled, "Hello").get_template("page.html").render(name="Awa") == "Hello, Awa"


def test_a_template_that_was_changed_is_compiled_anew(tmp_path: Path) -> None:
    compiled = Compiled()
    for text in ("one", "two"):
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        assert environment(tmp_path, compiled, "").get_template("page.html").render() == text
