"""The documents about events are of today, and true."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.conftest import ROOT
from tribune.domain.events import TYPES
from tribune.domain.topics import TOPICS
from tribune.services.events.event_codec import decode, encode
from tribune.services.events.event_data import data_of
from tribune.services.events.event_schemas import documents, examples, schema

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize("name", documents())
def test_the_documents_are_not_stale(name: str) -> None:
    path = ROOT / "docs" / name
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    assert written == documents()[name], "stale: run `tribune events schemas` and commit docs"


OTHERS = {"schemas/campaign.json", "schemas/segment.json"}
"""Schemas of other things than events: a campaign, the rule of a segment."""


def test_no_document_is_left_from_a_type_that_is_gone() -> None:
    there = {f"schemas/{path.name}" for path in (ROOT / "docs" / "schemas").glob("*")} - OTHERS
    assert there == documents().keys() - {"events.md", "asyncapi.yaml"}


@pytest.mark.parametrize("name", TYPES)
def test_each_type_has_an_example_that_its_schema_and_we_accept(name: str) -> None:
    event = examples()[name]
    value = encode(event)
    made = schema(TYPES[name])
    jsonschema.Draft202012Validator.check_schema(made)
    jsonschema.Draft202012Validator(made).validate(json.loads(value))
    received = decode(value, key="", received_at=NOW)
    assert received.event == event and not received.unknown
    assert data_of(event, TYPES[name].data)
    assert TYPES[name].topic in TOPICS


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_refuses_what_we_refuse(name: str) -> None:
    checker = jsonschema.Draft202012Validator(schema(TYPES[name]))
    envelope = json.loads(encode(examples()[name]))
    required = next(iter(schema(TYPES[name])["$defs"][TYPES[name].data.__name__]["required"]))
    for broken in (
        {**envelope, "specversion": "0.3"},
        {**envelope, "type": "another.type"},
        {**envelope, "recordrevision": 0},
        {field: told for field, told in envelope.items() if field != "id"},
        {**envelope, "data": {field: told for field, told in envelope["data"].items() if field != required}},
        {**envelope, "data": {**envelope["data"], required: []}},
    ):
        assert not checker.is_valid(broken)


@pytest.mark.parametrize("name", TYPES)
def test_every_part_of_a_schema_says_what_it_means(name: str) -> None:
    made = schema(TYPES[name])
    assert made["description"].startswith(TYPES[name].meaning)
    assert all(len(part.get("description", "")) > 20 for part in made["$defs"].values())
