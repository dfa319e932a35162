"""docs/openapi.json is what the code says, valid, and whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.conftest import ROOT
from tribune.commands.api import described
from tribune.domain.staff import Permission

PUBLIC_METHODS = {"get", "post", "patch", "put", "delete"}


@cache
def written() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    return told


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in written()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_it_is_not_stale() -> None:
    """`make schemas` writes it."""
    assert described() == (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")


def test_it_is_openapi_3_1() -> None:
    assert written()["openapi"] == "3.1.0"
    assert written()["servers"] == [{"url": "/api", "description": "This house."}]


def test_each_reference_leads_somewhere() -> None:
    found = set(references(written()))
    assert len(found) > 20
    for reference in found:
        node: Any = written()
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


@pytest.mark.parametrize("name", sorted(written()["components"]["schemas"]))
def test_each_shape_is_a_schema(name: str) -> None:
    shape = written()["components"]["schemas"][name]
    jsonschema.Draft202012Validator.check_schema(shape)
    assert shape.get("description") or "enum" in shape, "a shape says what it is"
    if shape["type"] == "object":
        assert shape["additionalProperties"] is False


def test_each_operation_says_what_it_does_what_it_asks_for_and_how_it_may_fail() -> None:
    ids = []
    for path, method, operation in operations():
        ids.append(operation["operationId"])
        assert method in PUBLIC_METHODS
        assert operation["summary"], path
        assert len(operation["tags"]) == 1
        (security,) = operation["security"]
        (scope,) = security["token"]
        assert scope in {one.value for one in Permission}
        assert {"401", "403", "405", "406", "429", "500"} <= set(operation["responses"])
        assert ("404" in operation["responses"]) >= ("{" in path)
        headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        if method == "post" and operation["operationId"].split("_")[0] not in ("find", "check", "export"):
            assert "Idempotency-Key" in headers, path
        if method in ("patch", "put", "delete"):
            assert "If-Match" in headers, path
        for status, answer in operation["responses"].items():
            if status >= "400" and "$ref" not in answer:
                assert "application/json" in answer["content"], "an error that is no problem is the thing itself (503)"
    assert len(ids) == len(set(ids))


def test_each_tag_is_explained() -> None:
    used = {operation["tags"][0] for _, _, operation in operations()}
    assert used == {tag["name"] for tag in written()["tags"]}
