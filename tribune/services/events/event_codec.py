"""Events as bytes: CloudEvents 1.0, structured JSON (one event, UTF-8), with three extensions.

`correlationid` goes with a whole story, `partitionkey` is the CloudEvents extension of that name, `recordrevision`
counts the revisions of the source's record. Source: CloudEvents 1.0.2, spec.md and json-format.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

from tribune.domain.errors import BrokenEvent, InvalidInput
from tribune.domain.events import TYPES, CloudEvent, TypeOfEvent, event_id
from tribune.services.events.event_data import data_of, instant_text, to_data, unknown_fields

MAX_BYTES = 1_000_000
"""A broker refuses what is larger (Kafka's default is 1 MiB): an event carries a summary and a link."""

_URI_REFERENCE = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


def encode(event: CloudEvent) -> bytes:
    """The event as one JSON text. Raises InvalidInput where it breaks CloudEvents' rules or is too large."""
    where = f"event {event.type} of {event.source}"
    if not (event.id and event.type and event.key):
        raise InvalidInput("An event needs an id, a type and a key.", where=where)
    if not _URI_REFERENCE.fullmatch(event.source):
        raise InvalidInput(f"The source {event.source!r} is not a URI reference.", where=where)
    if event.time.tzinfo is None:
        raise InvalidInput("The time of an event needs a zone.", where=where)
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": instant_text(event.time),
        "datacontenttype": "application/json",
        "correlationid": event.correlation_id or event.id,
        "partitionkey": event.key,
        "recordrevision": event.revision,
    }
    if event.subject:
        envelope["subject"] = event.subject
    envelope["data"] = event.data
    try:
        value = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        # UnicodeEncodeError is a ValueError: a lone surrogate is not text.
        raise InvalidInput(f"The data of the event are not JSON: {error}", where=where) from None
    if len(value) > MAX_BYTES:
        raise InvalidInput(
            f"The event has {len(value):,} bytes, more than {MAX_BYTES:,}.",
            where=where,
            hint="Let it carry a summary and a link.",
        )
    return value


def new_event(
    type: str,
    data: object,
    *,
    source: str,
    key: str,
    time: datetime,
    revision: int = 1,
    record: str = "",
    subject: str = "",
    cause: CloudEvent | None = None,
) -> CloudEvent:
    """An event of a known type. Its id is the hash of source, `record` (else `key`), revision and type; its
    correlation id is that of `cause`, or its own id where a story begins."""
    told = TYPES.get(type)
    if told is None:
        raise InvalidInput(f"There is no event type {type!r}.", hint="Add it to tribune.domain.events.TYPES.")
    if not isinstance(data, told.data):
        raise TypeError(f"{type} carries {told.data.__name__}, not {data.__class__.__name__}")
    id = event_id(source, record or key, revision, type)
    return CloudEvent(
        id=id,
        source=source,
        type=type,
        time=time,
        key=key,
        data=to_data(data),
        subject=subject,
        correlation_id=cause.correlation_id or cause.id if cause else id,
        revision=revision,
    )


@dataclass(frozen=True, slots=True)
class Received:
    """A message that is a CloudEvent. `type` is None for a type that this house does not know: `event.data` is
    then empty. `unknown` are the paths of fields that were passed over."""

    event: CloudEvent
    type: TypeOfEvent | None
    unknown: tuple[str, ...] = ()


def decode(value: bytes, *, key: str, received_at: datetime) -> Received:
    """A message as an event, its data checked against the data class of its type.

    `key` and `received_at` stand in for an absent partition key and time. Raises BrokenEvent, with the path and the
    reason, for what no retry can mend. Source: CloudEvents 1.0.2, json-format.md.
    """
    envelope = {name: told for name, told in _object(value).items() if told is not None}
    if envelope.get("specversion") != "1.0":
        _broken("specversion", f"is {envelope.get('specversion')!r:.20}, not '1.0'")
    id, source, type = (_text(envelope, name) for name in ("id", "source", "type"))
    if not _URI_REFERENCE.fullmatch(source):
        _broken("source", "is not a URI reference")
    event = CloudEvent(
        id=id,
        source=source,
        type=type,
        time=_time(envelope) or received_at,
        key=_text(envelope, "partitionkey", key or id),
        data={},
        subject=_text(envelope, "subject", ""),
        correlation_id=_text(envelope, "correlationid", id),
        revision=_revision(envelope),
    )
    told = TYPES.get(type)
    if told is None:
        return Received(event, None)
    event = replace(event, data=_data(envelope))
    data_of(event, told.data)
    unknown = [name for name in envelope if name not in _ATTRIBUTES] + unknown_fields(event.data, told.data)
    return Received(event, told, tuple(unknown))


_OPTIONAL = ("time", "subject", "datacontenttype", "dataschema", "data", "data_base64")
_EXTENSIONS = ("correlationid", "partitionkey", "recordrevision")
_ATTRIBUTES = frozenset(("specversion", "id", "source", "type", *_OPTIONAL, *_EXTENSIONS))
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _broken(where: str, what: str) -> NoReturn:
    raise BrokenEvent(what, where=where)


def _no_constant(name: str) -> NoReturn:
    _broken("event", f"holds {name}, which is not JSON")


def _object(value: bytes) -> dict[str, Any]:
    try:
        told = json.loads(value.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        _broken("event", f"is not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        _broken("event", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except (ValueError, RecursionError):  # a number of thousands of digits; lists in lists without end
        _broken("event", "is JSON that is too deep or too large to read")
    if not isinstance(told, dict):
        _broken("event", f"is {_json_name(told)}, not an object")
    if _SUSPECT.search(value):
        _refuse_half_characters(told)
    return told


def _refuse_half_characters(told: object) -> None:
    """JSON's escapes can write what is no text: half a character, or the NUL that PostgreSQL does not store."""
    plain = json.dumps(told, ensure_ascii=False)
    if re.search("[\ud800-\udfff]", plain) or re.search(r"(?<!\\)(\\\\)*\\u0000", plain):
        _broken("event", "holds a NUL or half a surrogate pair, which is no text")


def _text(envelope: Mapping[str, Any], name: str, default: str | None = None) -> str:
    told = envelope.get(name, default)
    if told is None:
        _broken(name, "is missing")
    if not isinstance(told, str):
        _broken(name, f"is {_json_name(told)}, not a string")
    if not told and default is None:
        _broken(name, "is empty")
    if _CONTROL.search(told):
        _broken(name, "holds control characters")
    return told


def _time(envelope: Mapping[str, Any]) -> datetime | None:
    told = _text(envelope, "time", "")
    if not told:
        return None
    try:
        if _RFC_3339.fullmatch(told):
            return datetime.fromisoformat(told.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    _broken("time", "is not an instant of RFC 3339, such as 2026-11-23T06:00:00Z")


def _revision(envelope: Mapping[str, Any]) -> int:
    told = envelope.get("recordrevision", 1)
    if isinstance(told, str) and told.isascii() and told.isdigit() and len(told) < 11:
        told = int(told)
    if not isinstance(told, int) or isinstance(told, bool) or not 1 <= told < 2**31:
        _broken("recordrevision", "is not a number from 1 to 2147483647")
    return told


def _data(envelope: Mapping[str, Any]) -> dict[str, Any]:
    content_type = _text(envelope, "datacontenttype", "application/json").partition(";")[0].strip().lower()
    if not content_type.endswith(("/json", "+json")) or "data_base64" in envelope:
        _broken("data", f"is not JSON ({content_type})" if "data" in envelope else "is binary, not JSON")
    told = envelope.get("data", {})
    if not isinstance(told, dict):
        _broken("data", f"is {_json_name(told)}, not an object")
    return told


def _json_name(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
    return "an object"
