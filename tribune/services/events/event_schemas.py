"""The documents about events, made from `tribune.domain.events.TYPES`: JSON schemas and docs/events.md.

`tribune events schemas` writes them; a test fails while they are stale. JSON Schema 2020-12.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, cast

from tribune.domain.events import (
    PUBLICATIONS,
    TYPES,
    ChunkDone,
    ChunkReady,
    CloudEvent,
    Cohort,
    DeliveryChanged,
    EditionDue,
    ItemReleased,
    ItemWithdrawn,
    MailingChanged,
    NoticeReady,
    TypeOfEvent,
)
from tribune.domain.items import (
    DataSummary,
    Identifier,
    ItemRecord,
    LanguageVersion,
    Link,
    Observation,
    Revision,
    Scheme,
    SessionInfo,
    Withdrawal,
)
from tribune.domain.topics import TOPICS
from tribune.services.events import asyncapi
from tribune.services.events.event_codec import encode, new_event

_NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def documents() -> dict[str, str]:
    """File name under docs -> its text."""
    schemas = {
        f"schemas/{told.name}.json": json.dumps(schema(told), indent=2, ensure_ascii=False) + "\n"
        for told in TYPES.values()
    }
    return schemas | {"events.md": page(), "asyncapi.yaml": asyncapi.document()}


def schema(told: TypeOfEvent) -> dict[str, Any]:
    """The JSON schema of a type's whole event: envelope and data."""
    data, parts = _data_schema(told.data)
    text = {"type": "string", "minLength": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:tribune:event:{told.name}",
        "title": told.name,
        "description": f"{told.meaning} On the topic `{told.topic}`. A CloudEvent 1.0 in structured JSON.",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text | {"description": "Hash of source, record, revision and type: a repeat has the same id."},
            "source": text | {"format": "uri-reference", "description": "Who tells."},
            "type": {"const": told.name},
            "time": {"type": "string", "format": "date-time", "description": "When it was told."},
            "subject": {"type": "string", "description": "The source's record, where the event is about one."},
            "datacontenttype": {"const": "application/json"},
            "correlationid": text | {"description": "The id of the first event of the story."},
            "partitionkey": text | {"description": f"Chooses the partition: {TOPICS[told.topic].key}."},
            "recordrevision": {
                "type": "integer",
                "minimum": 1,
                "maximum": 2**31 - 1,
                "description": "Revision of the source's record, counted by the producer: old news loses.",
            },
            "data": data,
        },
        "$defs": parts,
    }


@cache
def _classes() -> dict[str, type]:
    """Every data class that stands in an event, by name."""
    import tribune.domain.events as events
    import tribune.domain.items as items

    found = {}
    for module in (events, items):
        for name, one in inspect.getmembers(module, dataclasses.is_dataclass):
            found[name] = cast(type, one)
    return found


def _data_schema(kind: type) -> tuple[dict[str, Any], dict[str, Any]]:
    from pydantic import TypeAdapter

    made = TypeAdapter(kind).json_schema(ref_template="#/$defs/{model}")
    parts: dict[str, Any] = made.pop("$defs", {})
    parts[kind.__name__] = made
    for name, part in parts.items():
        _tidy(part)
        one = _classes().get(name)
        if one is not None:
            part["description"] = " ".join((inspect.getdoc(one) or "").split())
    if "SessionInfo" in parts:
        wall_clock = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$"}
        parts["SessionInfo"]["properties"]["starts_at"] = wall_clock | {"description": "Wall clock in `zone`."}
    return {"$ref": f"#/$defs/{kind.__name__}"}, dict(sorted(parts.items()))


def _tidy(part: dict[str, Any]) -> None:
    """Titles that only repeat a field's name are noise."""
    part.pop("title", None)
    for told in part.get("properties", {}).values():
        told.pop("title", None)


def examples() -> dict[str, CloudEvent]:
    """A whole, believable event of each type."""
    record = "oai:repository.example:1204"
    publication = ItemRecord(
        record=record,
        kind="report",
        source_language="fr",
        versions=(
            LanguageVersion(
                "fr",
                "Le travail des plateformes en Afrique de l’Ouest",
                "Qui travaille par une application, et à quelles conditions.",
                (Link("https://repository.example/1204/fr.pdf", "pdf", 1_843_200),),
                pages=64,
            ),
            LanguageVersion("en", "Platform work in West Africa"),
        ),
        identifiers=(Identifier(Scheme.DOI, "10.5555/1204"), Identifier(Scheme.OAI, record)),
        policy_areas=("future_of_work",),
        places=("SN", "CI"),
        authors=("A. Diop",),
        published_on=date(2026, 11, 20),
        embargo_until=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    )
    data = ItemRecord(
        record="UNE_2EAP_SEX_AGE_RT",
        kind="data_release",
        source_language="en",
        versions=(LanguageVersion("en", "Unemployment rate"),),
        policy_areas=("labour_statistics",),
        data=DataSummary(
            dataflow="UNE_2EAP_SEX_AGE_RT",
            labels={"en": "Unemployment rate", "fr": "Taux de chômage", "es": "Tasa de desocupación"},
            observations=9_412,
            new_count=189,
            revised_count=2,
            new_periods=("2025",),
            new_places=("SN",),
            headline=(Observation("SN", "2025", 3.0, "2024", 3.2),),
            revisions=(Revision("CI", "2024", 2.4, 2.3),),
            largest_revision=0.1,
        ),
    )
    session = ItemRecord(
        record="webinar-31",
        kind="session",
        source_language="en",
        versions=(LanguageVersion("en", "Platform work: questions and answers"),),
        session=SessionInfo(
            datetime(2026, 12, 3, 15, 0),  # noqa: DTZ001 - wall clock
            "Africa/Dakar",
            60,
            ("en", "fr"),
            "https://sessions.example/31",
        ),
    )
    planned = MailingChanged(12, "letter", "weekly", "2026-11-23", 1_250, 3, {"en": 610, "es": 240, "fr": 400})
    about: dict[str, tuple[object, str, str]] = {
        "publication.published": (publication, "oai:repository.example", record),
        "publication.updated": (publication, "oai:repository.example", record),
        "publication.withdrawn": (Withdrawal(record, "Replaced."), "oai:repository.example", record),
        "data.released": (data, "ilostat:unemployment", data.record),
        "data.revised": (data, "ilostat:unemployment", data.record),
        "session.scheduled": (session, "by-hand", session.record),
        "session.updated": (session, "by-hand", session.record),
        "session.cancelled": (Withdrawal(session.record, "The speaker is ill."), "by-hand", session.record),
        "item.released": (ItemReleased(204, "fr", 1017), "/tribune/catalogue", "204"),
        "item.withdrawn": (ItemWithdrawn(204, "Replaced."), "/tribune/catalogue", "204"),
        "edition.due": (
            EditionDue("letter", "weekly", "2026-11-23", _NOW, (Cohort(0, 6, "Africa/Dakar"),)),
            "/tribune/scheduler",
            "letter/weekly",
        ),
        "mailing.planned": (planned, "/tribune/mailings", "12"),
        "mailing.approved": (planned, "/tribune/mailings", "12"),
        "mailing.started": (planned, "/tribune/deliveries", "12"),
        "mailing.paused": (planned, "/tribune/mailings", "12"),
        "mailing.resumed": (planned, "/tribune/mailings", "12"),
        "mailing.cancelled": (planned, "/tribune/mailings", "12"),
        "mailing.finished": (planned, "/tribune/deliveries", "12"),
        "delivery.chunk-ready": (ChunkReady(12, 0), "/tribune/mailings", "12.0"),
        "delivery.chunk-done": (ChunkDone(12, 0, sent=498, failed=1, suppressed=1), "/tribune/deliveries", "12"),
        "delivery.failed": (DeliveryChanged(12, 4711, "failed", "550 5.1.1"), "/tribune/deliveries", "12"),
        "notice.ready": (NoticeReady(31), "/tribune/notices", "31"),
    }
    return {
        name: new_event(
            name, data, source=source, key=key, time=_NOW, subject=key if TYPES[name].topic == PUBLICATIONS else ""
        )
        for name, (data, source, key) in about.items()
    }


def page() -> str:
    """docs/events.md."""
    lines = [
        "# Events",
        "",
        "Made by `tribune events schemas` from `tribune/domain/events.py`; a test fails when it is stale.",
        "",
        "Every event is a [CloudEvent 1.0](https://github.com/cloudevents/spec) in structured JSON, with three",
        "extensions: `correlationid` (the id of the first event of the story, carried on to the last), `partitionkey`",
        "(chooses the partition and so keeps the order) and `recordrevision` (counted by the producer; a handler",
        "ignores what is older than what it has). `id` is a hash of source, record, revision and type, so that a",
        "repeat has the same id. No event carries an address or a name of a subscriber: people are numbers.",
        "",
        "Readers pass over, and count, types and fields that they do not know. What breaks a schema goes to the dead",
        "letters with the path and the reason: `tribune events dead`, `tribune events replay`. What the relay cannot",
        "publish, such as an event larger than the broker takes, is set aside in the outbox: `tribune events aside`",
        "lists it, and `tribune events aside --retry ID` puts it back once the cause is mended. What nobody wants any",
        "more is thrown away, and that is written down: `tribune events dead --discard ID`, `tribune events aside",
        "--discard ID`.",
        "",
        "A dead letter says more of an event than the event itself, so one of nearly the size that a broker takes",
        "(1 MB; larger where it came compressed) cannot be kept whole. Its dead letter is a stub then: the same",
        "headers, the beginning of the event, and in the header `tribune-whole-bytes` how large the whole is, which",
        "stands in its own topic as long as that keeps it. `tribune events dead ID` tells where; `tribune events",
        "replay ID` reads it there, and where it is too large even to be given back, names it with the `tribune",
        "events rewind` that reads it again. An event whose handler fails, and which is too large to wait for its",
        "next attempt, is a dead letter at once.",
        "",
        "## Topics",
        "",
        "The number of partitions is that of `[log] partitions`, else this:",
        "",
        "| topic | partitions | key | acted on by |",
        "|---|---|---|---|",
    ]
    for topic in TOPICS.values():
        acts = ", ".join(f"`consumers/{group}.py`" for group in topic.groups)
        lines.append(f"| `{topic.name}` | {topic.partitions} | {topic.key}. {topic.why} | {acts} |")
    lines += ["", "## Types", "", "| type | topic | data | meaning |", "|---|---|---|---|"]
    for told in TYPES.values():
        link = f"[`{told.name}`](schemas/{told.name}.json)"
        lines.append(f"| {link} | `{told.topic}` | `{told.data.__name__}` | {told.meaning} |")
    lines += ["", "## Examples", ""]
    for name, event in examples().items():
        text = json.dumps(json.loads(encode(event)), indent=2, ensure_ascii=False)
        lines += [f"### {name}", "", TYPES[name].meaning, "", "```json", text, "```", ""]
    return "\n".join(lines).rstrip() + "\n"
