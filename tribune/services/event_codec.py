"""Events as bytes: CloudEvents 1.0, structured JSON (one event, UTF-8), with three extensions.

`correlationid` goes with a whole story, `partitionkey` is the CloudEvents extension of that name, `recordrevision`
counts the revisions of the source's record. Source: CloudEvents 1.0.2, spec.md and json-format.md.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from tribune.domain.errors import InvalidInput
from tribune.domain.events import TYPES, CloudEvent, event_id

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
        "time": _instant(event.time),
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


def to_data(value: object) -> dict[str, Any]:
    """A data class as a JSON object. Fields that are empty by default and still empty are left out."""
    out: dict[str, Any] = {}
    for field in dataclasses.fields(value):  # type: ignore[arg-type]
        told = getattr(value, field.name)
        if told not in _EMPTY or isinstance(told, bool | int | float) or told != _default(field):
            out[field.name] = _json(told)
    return out


_EMPTY: tuple[object, ...] = (None, "", (), {}, frozenset())


def _default(field: dataclasses.Field[Any]) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _json(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case str() | bool() | int() | float() | None:
            return value
        case datetime():
            return _instant(value) if value.tzinfo else value.isoformat()
        case date():
            return value.isoformat()
        case Mapping():
            return {str(_json(key)): _json(told) for key, told in value.items()}
        case tuple() | list():
            return [_json(told) for told in value]
        case frozenset() | set():
            return sorted(_json(told) for told in value)
        case _ if dataclasses.is_dataclass(value):
            return to_data(value)
    raise TypeError(f"{type(value).__name__} does not go into an event")


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
