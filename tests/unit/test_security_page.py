"""docs/security.md: every row names tests that there are, and parts that there are; and what its rows say of the code
as a whole holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
PLACE = re.compile(r"`((?:tribune|web|consumers|producers|templates|tests|docs|scheduler\.py)[\w./]*)`")
NOT_BUILT = "*not built yet*"
CODE = ("tribune", "web", "consumers", "producers")
RUNS_OR_UNPACKS = re.compile(r"(zipfile|tarfile|pickle|marshal|shelve|eval|exec|shutil\.unpack_archive)\b")


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of all tests in a file, without importing it."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    (_, _, rest) = PAGE.partition(f"\n## {heading}\n")
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_test_that_is_named_is_there() -> None:
    named = TEST.findall(PAGE)
    assert len(named) > 100
    assert [
        f"{file}::{name}" for file, name in named if not (ROOT / file).is_file() or name not in names_in(file)
    ] == []


def test_every_part_that_is_named_is_there() -> None:
    places = {found for found in PLACE.findall(PAGE) if "::" not in found}
    assert len(places) > 25
    assert [place for place in sorted(places) if not (ROOT / place).exists()] == []


@pytest.mark.parametrize(("heading", "least"), [("Attacks", 24), ("Faults", 10)])
def test_every_row_is_proved_or_says_that_it_is_not_built(heading: str, least: int) -> None:
    found = rows(heading)
    assert len(found) >= least
    for row in found:
        assert len(row) == 3, row
        assert TEST.search(row[2]) or (row[2] == "–" and NOT_BUILT in row[1].lower()), row[0]
        assert re.sub(TEST, "", row[2]).strip(" ,–") == "", row[0]


def test_nothing_that_unpacks_or_runs_what_it_reads_is_used() -> None:
    found = []
    for folder in CODE:
        for file in sorted((ROOT / folder).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            if RUNS_OR_UNPACKS.search(text):
                found += [f"{file.name}: {name}" for name in used(text) if RUNS_OR_UNPACKS.fullmatch(name)]
    assert found == []
    assert list(used("import zipfile\nfrom pickle import loads\neval('1')")) == ["zipfile", "pickle", "eval"]


def used(text: str) -> Iterator[str]:
    """What a module imports and calls."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Call):
            yield ast.unparse(node.func)
