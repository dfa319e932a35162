"""The data of an event: a frozen data class on one side, a JSON object on the other.

Reading is strict as JSON is (a number is not a string), passes over what it does not know, and says where it was.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from tribune.domain.errors import BrokenEvent
from tribune.domain.events import CloudEvent
from tribune.domain.items import SessionInfo

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

_WALL_CLOCK = {(SessionInfo, "starts_at")}
"""Times that are meant without a zone; every other time needs one."""


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
            return instant_text(value) if value.tzinfo else value.isoformat()
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


def instant_text(value: datetime) -> str:
    """An instant as RFC 3339 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def data_of(event: CloudEvent, kind: type[T]) -> T:
    """The data of an event as its data class. Raises BrokenEvent with the path of what is wrong."""
    from pydantic import ValidationError

    try:
        told: T = _adapter(typing.cast(type, kind)).validate_json(json.dumps(event.data), strict=True)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        where = _path(mistakes[0]["loc"])
        more = f" ({len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        raise BrokenEvent(f"{mistakes[0]['msg']}{more}", where=f"{event.type} {where}") from None
    for where, moment in _times(told, "data"):
        _check_time(moment, f"{event.type} {where}")
    return told


def unknown_fields(data: Mapping[str, Any], kind: type) -> list[str]:
    """The paths of fields that the data class does not have, places in lists left out: `versions[].isbn13`."""
    return sorted(set(_unknown(data, kind, "")))


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _path(steps: tuple[int | str, ...]) -> str:
    return "data" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _times(value: object, path: str) -> Iterator[tuple[str, datetime]]:
    """The times in a data class that need a zone."""
    if isinstance(value, tuple | list):
        for place, told in enumerate(value):
            yield from _times(told, f"{path}[{place}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            told = getattr(value, field.name)
            if not isinstance(told, datetime):
                yield from _times(told, f"{path}.{field.name}")
            elif (type(value), field.name) not in _WALL_CLOCK:
                yield f"{path}.{field.name}", told


def _check_time(moment: datetime, where: str) -> None:
    if moment.tzinfo is None:
        raise BrokenEvent("An instant needs a zone, such as Z or +02:00.", where=where)
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise BrokenEvent("The instant is outside of the years 1 to 9999.", where=where) from None


def _unknown(data: object, kind: Any, path: str) -> Iterator[str]:
    if isinstance(kind, types.UnionType):
        for one in kind.__args__:
            if dataclasses.is_dataclass(one):
                yield from _unknown(data, one, path)
    elif dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(data, Mapping):
        fields = _fields(kind)
        for name, told in data.items():
            if name not in fields:
                yield f"{path}{name}"
            elif told:
                yield from _unknown(told, fields[name], f"{path}{name}.")
    elif typing.get_origin(kind) is tuple and isinstance(data, list):
        for told in data:
            yield from _unknown(told, kind.__args__[0], f"{path[:-1]}[].")


@cache
def _fields(kind: type) -> dict[str, Any]:
    """Field -> its type."""
    return typing.get_type_hints(kind)
