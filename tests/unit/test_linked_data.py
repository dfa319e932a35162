"""What search engines are told keeps a known shape, and cannot break out of its element."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.mails import data_release, publication, session
from tribune.domain.items import Identifier, Item, LanguageVersion, Link, Scheme
from tribune.rendering.linked_data import Told, of_item, of_list, script_safe

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
TOLD = Told(
    url="https://letters.example.org/en/items/7-x",
    publisher="Observatory",
    publisher_url="https://observatory.example",
    released_at=AT,
    updated_at=AT,
    topics=["Wages"],
    places=["Senegal"],
    translations=[("fr", "https://letters.example.org/fr/items/7-y")],
)
_WEB = {"type": "string", "pattern": "^https?://"}
_NAMED = {"type": "object", "required": ["@type", "name"], "properties": {"name": {"type": "string", "minLength": 1}}}
_DAY = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d"}
SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["@context", "@type", "@id", "url", "name", "inLanguage"],
    "properties": {
        "@context": {"const": "https://schema.org"},
        "@type": {"enum": ["Report", "ScholarlyArticle", "Dataset", "Event", "CreativeWork"]},
        "@id": _WEB,
        "url": _WEB,
        "name": {"type": "string", "minLength": 1},
        "description": {"type": "string", "maxLength": 5000},
        "datePublished": _DAY,
        "dateModified": _DAY,
        "publisher": _NAMED,
        "organizer": _NAMED,
        "author": {"type": "array", "items": _NAMED},
        "about": {"type": "array", "items": _NAMED},
        "spatialCoverage": {"type": "array", "items": _NAMED},
        "encoding": {"type": "array", "items": {"required": ["contentUrl"], "properties": {"contentUrl": _WEB}}},
        "distribution": {"type": "array", "items": {"required": ["contentUrl"], "properties": {"contentUrl": _WEB}}},
        "workTranslation": {"type": "array", "items": {"required": ["@id", "inLanguage"]}},
        "identifier": {"type": "array", "items": {"required": ["@type", "propertyID", "value"]}},
    },
    "allOf": [
        {
            "if": {"properties": {"@type": {"const": "Event"}}},
            "then": {"required": ["startDate", "endDate", "location", "eventAttendanceMode", "organizer"]},
            "else": {"required": ["datePublished", "publisher", "author"]},
        }
    ],
}


def told(item: Item, language: str = "en") -> dict[str, Any]:
    version = item.version_in(language)
    assert version is not None
    data = of_item(item, version, TOLD)
    Draft202012Validator(SHAPE).validate(data)
    return data


@pytest.mark.parametrize(
    ("item", "type"), [(publication(), "Report"), (data_release(), "Dataset"), (session(), "Event")]
)
def test_each_kind_has_its_type_and_its_shape(item: Item, type: str) -> None:
    assert told(item)["@type"] == type


def test_a_session_is_told_with_its_zone() -> None:
    event = told(session())
    assert event["startDate"] == "2026-12-01T15:00:00+00:00"
    assert event["endDate"] == "2026-12-01T16:30:00+00:00"
    assert event["location"] == {"@type": "VirtualLocation", "url": "https://observatory.example/live/1"}


def test_a_working_paper_with_its_files_and_identifiers() -> None:
    links = (Link("https://o.example/a.pdf", "pdf", 1200), Link("javascript:alert(1)", "pdf"))
    identifiers = (Identifier(Scheme.DOI, "10.5555/x"), Identifier(Scheme.OAI, "oai:internal:1"))
    item = Item(
        1, 1, "working_paper", "en", (LanguageVersion("en", "A paper", "About it.", links),),
        identifiers=identifiers, authors=("Awa Diop",), published_on=date(2026, 11, 1),
    )  # fmt: skip
    data = told(item)
    assert data["@type"] == "ScholarlyArticle"
    assert data["datePublished"] == "2026-11-01"
    assert [one["contentUrl"] for one in data["encoding"]] == ["https://o.example/a.pdf"]
    assert data["identifier"] == [{"@type": "PropertyValue", "propertyID": "doi", "value": "10.5555/x"}]


@given(st.text())
def test_no_text_ends_the_element_or_begins_another(text: str) -> None:
    data = {"@context": "https://schema.org", "name": text}
    written = script_safe(data)
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == data


def test_the_classic_ways_out_are_closed() -> None:
    written = script_safe(of_list("</script><script>alert(1)</script><!--", "https://x.example/", []))
    assert "<" not in written
    assert json.loads(written)["name"].startswith("</script>")
