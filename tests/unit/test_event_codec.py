"""Events as bytes and back, against CloudEvents' own schema and conformance files."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tribune.domain.errors import BrokenEvent, InvalidInput
from tribune.domain.events import TYPES, CloudEvent, Cohort, EditionDue, ItemReleased, MailingChanged
from tribune.domain.items import (
    DataSummary,
    Identifier,
    ItemRecord,
    LanguageVersion,
    Link,
    Observation,
    Scheme,
    SessionInfo,
)
from tribune.services.events.event_codec import MAX_BYTES, decode, encode, new_event
from tribune.services.events.event_data import data_of, to_data

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)

RECORD = ItemRecord(
    record="oai:example:1",
    kind="report",
    source_language="fr",
    versions=(LanguageVersion("fr", "L’emploi à l’œuvre", links=(Link("https://x.example/1.pdf", "pdf", 1000),)),),
    identifiers=(Identifier(Scheme.DOI, "10.1000/182"),),
    published_on=date(2026, 11, 20),
    embargo_until=datetime(2026, 11, 24, 9, tzinfo=timezone(timedelta(hours=1))),
    data=DataSummary("UNE", {"en": "Unemployment"}, headline=(Observation("SN", "2025", 3.0),)),
    session=SessionInfo(datetime(2026, 12, 1, 10), "Africa/Dakar", 90, ("fr",)),  # noqa: DTZ001 - wall clock
)


def published(**changes: Any) -> CloudEvent:
    record = dataclasses.replace(RECORD, **changes)
    return new_event("publication.published", record, source="oai:example", key=record.record, time=NOW)


def told(event: CloudEvent, **changes: Any) -> bytes:
    """The event's JSON with members of the envelope changed; None takes one out."""
    envelope = json.loads(encode(event)) | changes
    return json.dumps({name: value for name, value in envelope.items() if value is not None}).encode()


def read(value: bytes) -> Any:
    return decode(value, key="message key", received_at=NOW)


# -- there and back

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
instants = st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1))  # noqa: DTZ001
records = st.builds(
    ItemRecord,
    record=text,
    kind=text,
    source_language=text,
    embargo_until=st.none() | instants,
    versions=st.lists(st.builds(LanguageVersion, language=text, title=text, abstract=text), max_size=2).map(tuple),
    authors=st.lists(text, max_size=3).map(tuple),
    data=st.none()
    | st.builds(
        DataSummary,
        dataflow=text,
        labels=st.dictionaries(text, text, max_size=2),
        headline=st.lists(
            st.builds(Observation, place=text, period=text, value=st.floats(allow_nan=False, allow_infinity=False)),
            max_size=2,
        ).map(tuple),
        revisions=st.just(()),
    ),
    session=st.none() | st.builds(SessionInfo, starts_at=st.datetimes(), zone=text, minutes=st.integers(0, 999)),
)


@settings(max_examples=80, deadline=None)
@given(record=records, time=instants, revision=st.integers(1, 2**31 - 1))
def test_what_goes_in_comes_out(record: ItemRecord, time: datetime, revision: int) -> None:
    event = new_event("data.released", record, source="ilostat:x", key="key", time=time, revision=revision)
    received = read(encode(event))
    assert received.event == event and received.unknown == ()
    assert data_of(received.event, ItemRecord) == record


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("item.released", ItemReleased(1, "fr", 7)),
        ("edition.due", EditionDue("letter", "weekly", "2026-11-23", NOW, (Cohort(0, 8, "Africa/Dakar"),))),
        ("mailing.planned", MailingChanged(3, languages={"fr": 12, "en": 0})),
    ],
)
def test_every_kind_of_data_comes_back_as_its_class(type: str, data: object) -> None:
    event = new_event(type, data, source="/tribune/test", key="k", time=NOW)
    assert data_of(read(encode(event)).event, TYPES[type].data) == data


def test_an_instant_is_told_in_utc() -> None:
    assert to_data(RECORD)["embargo_until"] == "2026-11-24T08:00:00Z"
    assert to_data(RECORD)["session"]["starts_at"] == "2026-12-01T10:00:00"


def test_a_story_keeps_its_correlation_id() -> None:
    first = published()
    second = new_event("item.released", ItemReleased(1, "fr", 1), source="/t", key="1", time=NOW, cause=first)
    third = new_event("item.released", ItemReleased(2, "fr", 2), source="/t", key="2", time=NOW, cause=second)
    assert first.id == first.correlation_id == second.correlation_id == third.correlation_id
    assert len({first.id, second.id, third.id}) == 3


def test_the_id_follows_from_source_record_revision_and_type() -> None:
    assert published().id == published(kind="brief").id
    one: dict[str, Any] = {"source": "s", "key": "k", "time": NOW}
    withdrawn = [
        new_event("item.released", ItemReleased(1, "fr", 1), **(one | more)).id
        for more in ({}, {"revision": 2}, {"source": "t"}, {"record": "r"})
    ]
    assert len(set(withdrawn)) == 4


def test_data_of_the_wrong_class_is_a_mistake_of_the_programmer() -> None:
    with pytest.raises(TypeError, match="ItemRecord"):
        new_event("publication.published", ItemReleased(1, "fr", 1), source="s", key="k", time=NOW)


# -- CloudEvents


def test_our_events_are_cloudevents(shared_data: Path) -> None:
    path = shared_data / "cloudevents/spec/cloudevents/formats/cloudevents.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    for event in (published(), dataclasses.replace(published(), subject="x", revision=4)):
        envelope = json.loads(encode(event))
        jsonschema.validate(envelope, schema)
        assert all(name.isalnum() and name == name.lower() and len(name) <= 20 for name in envelope)


def test_the_conformance_suites_events_are_read(shared_data: Path) -> None:
    folder = shared_data / "cloudevents/conformance/yaml"
    read_as = []
    for file in ("v1.yaml", "v1.0/v1_minimum.yaml"):
        for case in yaml.load_all((folder / file).read_text(encoding="utf-8"), Loader=yaml.BaseLoader):
            attributes = dict(case["ContextAttributes"])
            extensions = attributes.pop("Extensions", {})
            envelope = attributes | extensions | {"data": case["Data"]}
            received = read(json.dumps(envelope).encode())
            assert received.type is None  # foreign: passed over, whatever its data are
            assert (received.event.id, received.event.source) == (attributes["id"], attributes["source"])
            read_as.append(received.event.type)
    assert set(read_as) == {"com.example.someevent", "io.cloudevents.minimum"} and len(read_as) > 5


def test_events_of_version_0_3_are_refused_by_name(shared_data: Path) -> None:
    text = (shared_data / "cloudevents/conformance/yaml/v03.yaml").read_text(encoding="utf-8")
    case = next(iter(yaml.load_all(text, Loader=yaml.BaseLoader)))
    with pytest.raises(BrokenEvent, match=r"specversion.*0\.3"):
        read(json.dumps(case["ContextAttributes"]).encode())


def test_the_kafka_bindings_example_is_read() -> None:
    value = b"""{"specversion": "1.0", "type": "com.example.someevent", "time": "2018-04-05T03:56:24Z",
        "id": "1234-1234-1234", "source": "/mycontext/subcontext", "datacontenttype": "application/json",
        "data": {"message": "Hello World!"}}"""
    event = read(value).event
    assert (event.id, event.time) == ("1234-1234-1234", datetime(2018, 4, 5, 3, 56, 24, tzinfo=UTC))


def test_what_is_absent_is_stood_in_for() -> None:
    absent = told(published(), time=None, partitionkey=None, correlationid=None, recordrevision=None)
    event = read(absent).event
    assert (event.time, event.key, event.correlation_id, event.revision) == (NOW, "message key", event.id, 1)
    nulls = json.loads(absent) | {"time": None, "subject": None, "partitionkey": None}
    assert read(json.dumps(nulls).encode()).event == event


@pytest.mark.parametrize(
    "time", ["2026-11-23T06:00:00Z", "2026-11-23t07:00:00+01:00", "2026-11-23T06:00:00.000000000z"]
)
def test_every_way_to_write_an_instant_is_read(time: str) -> None:
    assert read(told(published(), time=time)).event.time == NOW


# -- broken


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"id": None}, "id: is missing"),
        ({"id": ""}, "id: is empty"),
        ({"id": 7}, "id: is a number, not a string"),
        ({"id": "a\nb"}, "id: holds control"),
        ({"source": "not a reference"}, "source: is not a URI"),
        ({"type": None}, "type: is missing"),
        ({"specversion": None}, "specversion"),
        ({"specversion": "2.0"}, "specversion"),
        ({"time": "23 November"}, "time: .*3339"),
        ({"time": "2026-11-23T06:00:00"}, "time: .*3339"),
        ({"time": "2026-02-30T06:00:00Z"}, "time: .*3339"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time: .*3339"),
        ({"recordrevision": 0}, "recordrevision"),
        ({"recordrevision": True}, "recordrevision"),
        ({"recordrevision": 2**31}, "recordrevision"),
        ({"recordrevision": "one"}, "recordrevision"),
        ({"data": "text"}, "data: is a string"),
        ({"data": []}, "data: is a list"),
        ({"data": None}, r"data\.record: Field required"),
        ({"data": None, "data_base64": "e30="}, "data: is binary"),
        ({"datacontenttype": "text/xml"}, "data: is not JSON"),
    ],
)
def test_a_broken_envelope_is_told_by_its_place(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(BrokenEvent, match=word):
        read(told(published(), **changes))


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (("versions", 0, "title"), 3, r"data\.versions\[0\]\.title: .*string"),
        (("versions",), "x", r"data\.versions"),
        (("published_on",), "20 November", r"data\.published_on"),
        (("published_on",), 20261120, r"data\.published_on"),
        (("embargo_until",), "2026-11-24T09:00:00", r"data\.embargo_until: .*zone"),
        (("embargo_until",), 1790000000, r"data\.embargo_until"),
        (("embargo_until",), "0001-01-01T00:00:00+14:00", r"data\.embargo_until"),
        (("identifiers", 0, "scheme"), "isan", r"data\.identifiers\[0\]\.scheme"),
        (("data", "headline", 0, "value"), "3.0", r"data\.data\.headline\[0\]\.value"),
        (("session", "minutes"), 1.5, r"data\.session\.minutes"),
    ],
)
def test_broken_data_are_told_by_their_path_and_without_their_value(
    path: tuple[Any, ...], value: Any, word: str
) -> None:
    envelope = json.loads(encode(published()))
    at = envelope["data"]
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(BrokenEvent, match=f"publication.published {word}"):
        read(json.dumps(envelope).encode())


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"null", "null, not an object"),
        (b'{"a": NaN}', "NaN"),
        (b"[" * 100_000, "too deep"),
        (b'{"a":' + b"1" * 5000 + b"}", "too large"),
        (encode(published()).replace("œuvre".encode(), b"\\ud83e"), "no text"),
        (encode(published()).replace("œuvre".encode(), b"\\u0000"), "no text"),
    ],
)
def test_bytes_that_are_no_event_are_told(value: bytes, word: str) -> None:
    with pytest.raises(BrokenEvent, match=word):
        read(value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_bring_another_error(value: bytes) -> None:
    with pytest.raises(BrokenEvent):
        read(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*json.loads(encode(published())), "data_base64", "x"]), json_values))
def test_no_json_in_the_envelope_brings_another_error(changes: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenEvent):
        read(json.dumps(json.loads(encode(published())) | changes).encode())


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([field.name for field in dataclasses.fields(ItemRecord)]), json_values))
def test_no_json_in_the_data_brings_another_error(changes: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenEvent):
        read(told(published(), data=to_data(RECORD) | changes))


def test_escapes_that_are_text_are_read() -> None:
    plain = encode(published()).replace("œuvre".encode(), rb"\ud83e\udd89 \\u0000 \\ud800")
    title = read(plain).event.data["versions"][0]["title"]
    assert title == "L’emploi à l’🦉 \\u0000 \\ud800"


def test_unknown_fields_are_told_by_their_path() -> None:
    envelope = json.loads(encode(published())) | {"traceparent": "00-1-2-01"}
    envelope["data"]["mood"] = {"deep": 1}
    envelope["data"]["versions"].append({"language": "es", "title": "T", "isbn13": 1, "links": [{"url": "u", "x": 1}]})
    envelope["data"]["data"]["headline"][0]["sex"] = "T"
    envelope["data"]["data"]["labels"]["any"] = "label"  # a map has no unknown keys
    expected = ("traceparent", "data.headline[].sex", "mood", "versions[].isbn13", "versions[].links[].x")
    assert read(json.dumps(envelope).encode()).unknown == expected


# -- refused where they begin


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"id": ""}, "id"),
        ({"key": ""}, "key"),
        ({"source": "two words"}, "URI reference"),
        ({"source": ""}, "URI reference"),
        ({"time": datetime(2026, 1, 1)}, "zone"),  # noqa: DTZ001
        ({"data": {"value": float("nan")}}, "JSON"),
        ({"data": {"value": object()}}, "JSON"),
        ({"data": {"value": "\ud800"}}, "JSON"),
        ({"data": {"value": "x" * MAX_BYTES}}, "bytes"),
    ],
)
def test_an_event_that_breaks_the_rules_is_not_written(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        encode(dataclasses.replace(published(), **changes))
