"""Items and records as they are kept: JSON columns in, frozen dataclasses out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from tribune.domain.items import Item, ItemRecord
from tribune.domain.merging import Content, KeptRecord
from tribune.services.events.event_data import to_data

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_CONTENT_FIELDS = tuple(field.name for field in fields(Content))


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def content_to_json(content: Content) -> dict[str, Any]:
    """A content as it is kept."""
    return to_data(content)


def content_from_json(kept: Mapping[str, Any]) -> Content:
    """From what `content_to_json` gave."""
    content: Content = _adapter(Content).validate_python(kept)
    return content


def item_of(id: int, version: int, content: Content, **facts: Any) -> Item:
    """A content as an item; `facts` are the other fields of Item."""
    return Item(id=id, version=version, **{name: getattr(content, name) for name in _CONTENT_FIELDS}, **facts)


def record_to_json(kept: KeptRecord) -> dict[str, Any]:
    """What stands in the content column of a record."""
    return {
        "told_at": kept.told_at.isoformat(),
        "event": kept.event_id,
        "correlation": kept.correlation_id,
        "announced": kept.announced,
        "shown": to_data(kept.shown) if kept.shown else None,
        "waiting": to_data(kept.waiting) if kept.waiting else None,
    }


def record_from_row(row: Any) -> KeptRecord:
    """A row of item_records."""
    kept = row.content
    return KeptRecord(
        source=row.source,
        record=row.record,
        revision=row.revision,
        told_at=datetime.fromisoformat(kept["told_at"]),
        event_id=kept["event"],
        correlation_id=kept["correlation"],
        item_id=row.item_id,
        withdrawn=row.withdrawn,
        shown=_record(kept["shown"]),
        waiting=_record(kept["waiting"]),
        announced=kept["announced"],
    )


def _record(kept: Mapping[str, Any] | None) -> ItemRecord | None:
    if kept is None:
        return None
    record: ItemRecord = _adapter(ItemRecord).validate_python(kept)
    return record
