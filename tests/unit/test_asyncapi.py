"""docs/asyncapi.yaml is AsyncAPI 3.0.0 by the official schema, and whole: what it points to is there."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tests.conftest import ROOT
from tribune.domain.events import TYPES
from tribune.domain.topics import TOPICS, groups, reads


@cache
def written() -> dict[str, Any]:
    """The document as it stands in docs."""
    told: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"))
    return told


@cache
def official() -> Any:
    """The schema of the AsyncAPI Initiative (tests/data/README.md says where it is from)."""
    packed = (ROOT / "tests" / "data" / "asyncapi-3.0.0.schema.json.gz").read_bytes()
    return jsonschema.Draft7Validator(json.loads(gzip.decompress(packed)))


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


def resolve(reference: str) -> Any:
    """What a reference points to. Raises KeyError, OSError."""
    file, _, path = reference.partition("#")
    node: Any = json.loads((ROOT / "docs" / file).read_text(encoding="utf-8")) if file else written()
    for part in path.strip("/").split("/") if path else []:
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_it_is_valid_by_the_official_schema() -> None:
    assert [f"{error.json_path}: {error.message[:300]}" for error in official().iter_errors(written())] == []


@pytest.mark.parametrize("break_it", ["asyncapi", "operation", "channel", "binding"])
def test_the_schema_would_tell(break_it: str) -> None:
    broken = copy.deepcopy(written())
    match break_it:
        case "asyncapi":
            broken["asyncapi"] = "2.6.0"
        case "operation":
            next(iter(broken["operations"].values()))["action"] = "publish"
        case "channel":
            broken["channels"]["publications"]["adress"] = "x"
        case "binding":
            broken["channels"]["publications"]["bindings"]["kafka"]["partitions"] = 0
    assert not official().is_valid(broken)


def test_each_reference_leads_somewhere() -> None:
    found = set(references(written()))
    assert len(found) > len(TYPES)
    for reference in found:
        assert resolve(reference)


def test_channels_messages_and_operations_are_those_of_the_code() -> None:
    document = written()
    assert document["channels"].keys() == TOPICS.keys()
    assert document["components"]["messages"].keys() == TYPES.keys()
    for name, channel in document["channels"].items():
        assert set(channel["messages"]) == {told.name for told in TYPES.values() if told.topic == name}
        for message, reference in channel["messages"].items():
            assert reference["$ref"] == f"#/components/messages/{message}"
    received = {
        (told["bindings"]["kafka"]["groupId"]["enum"][0].removeprefix("tribune."), told["channel"]["$ref"])
        for told in document["operations"].values()
        if told["action"] == "receive"
    }
    assert received == {(group, f"#/channels/{topic}") for group in groups() for topic in reads(group)}
    sent = {told["channel"]["$ref"] for told in document["operations"].values() if told["action"] == "send"}
    assert sent == {f"#/channels/{topic}" for topic in TOPICS}


@pytest.mark.parametrize("name", TYPES)
def test_each_example_is_what_its_schema_describes(name: str) -> None:
    message = written()["components"]["messages"][name]
    schema = resolve(message["payload"]["schema"]["$ref"])
    for example in message["examples"]:
        jsonschema.Draft202012Validator(schema).validate(example["payload"])
