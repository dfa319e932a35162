"""Queries of the catalogue. Implements tribune.ports.catalogue.Catalogue."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, or_, select, tuple_

from tribune.domain.items import Item, Release
from tribune.ports.catalogue import HistoryEntry, Hit, UnmappedCategory
from tribune.store import search
from tribune.store.catalogue_writes import CatalogueWrites
from tribune.store.item_codec import content_from_json, item_of
from tribune.store.release_queries import batches
from tribune.store.tables import item_history, items

_COLUMNS = (
    items.c.id,
    items.c.version,
    items.c.content,
    items.c.embargo_until,
    items.c.withdrawn_at,
    items.c.correlation_id,
    items.c.updated_at,
)


_BY_ID = select(*_COLUMNS).where(items.c.id.in_(bindparam("ids", expanding=True)))


class SqlCatalogue(CatalogueWrites):
    """Items as they are now, as they were, and as they are found."""

    def item(self, id: int) -> Item | None:
        return self.items([id]).get(id)

    def items(self, ids: Collection[int]) -> dict[int, Item]:
        current = self.current_ids(ids)
        found: dict[int, Item] = {}
        for batch in batches(set(current.values())):
            found.update({item.id: item for item in self._items(_BY_ID, {"ids": batch})})
        return {asked: found[id] for asked, id in current.items() if id in found}

    def items_at(self, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], Item]:
        found: dict[tuple[int, int], Item] = {}
        for batch in batches(set(keys)):
            rows = self._connection.execute(
                select(item_history.c.item_id, item_history.c.version, item_history.c.content)
                .where(tuple_(item_history.c.item_id, item_history.c.version).in_(batch))
                .order_by(item_history.c.id)
            )
            for id, version, kept in rows:
                found[id, version] = item_of(id, version, content_from_json(kept["item"]))
        return found

    def recent(self, limit: int = 50, *, offset: int = 0, kind: str | None = None) -> list[Item]:
        return self._items(
            select(*_COLUMNS)
            .where(_living_ids(kind))
            .order_by(items.c.updated_at.desc(), items.c.id.desc())
            .limit(limit)
            .offset(offset)
        )

    def page(self, limit: int, *, before: int | None = None, kind: str | None = None) -> list[Item]:
        wanted = select(*_COLUMNS).where(_living_ids(kind)).order_by(items.c.id.desc()).limit(limit)
        return self._items(wanted if before is None else wanted.where(items.c.id < before))

    def count(self, *, kind: str | None = None) -> int:
        return int(self._connection.scalar(select(func.count()).select_from(items).where(_living_ids(kind))) or 0)

    def history(self, id: int) -> list[HistoryEntry]:
        current = self.current_ids([id])[id]
        of_item = item_history.c.item_id.in_(
            select(items.c.id).where(or_(items.c.id == current, items.c.merged_into == current))
        )
        rows = self._connection.execute(
            select(item_history, item_history.c.content["note"].as_string().label("note"))
            .where(of_item)
            .order_by(item_history.c.id)
        )
        return [
            HistoryEntry(row.item_id, row.version, row.event_id, row.changed_at, row.change, row.note or "")
            for row in rows
        ]

    def items_of_event(self, event_id: str) -> list[int]:
        ids = self._connection.scalars(
            select(item_history.c.item_id).where(item_history.c.event_id == event_id).distinct()
        ).all()
        return sorted(set(self.current_ids(ids).values()))

    def withdrawn(self, ids: Collection[int]) -> set[int]:
        current = self.current_ids(ids)
        visible = self._visible_items(set(current.values()))
        return {asked for asked, id in current.items() if id not in visible}

    def due_embargoes(self, now: datetime) -> list[int]:
        return list(
            self._connection.scalars(
                select(items.c.id)
                .where(items.c.embargo_until <= now, items.c.withdrawn_at.is_(None), items.c.merged_into.is_(None))
                .order_by(items.c.embargo_until, items.c.id)
            )
        )

    def unmapped(self, limit: int = 50) -> list[Item]:
        areas: Any = items.c.content["policy_areas"]
        return self._items(
            # What is empty is not kept: an item without areas has no such member.
            select(*_COLUMNS)
            .where(and_(items.c.withdrawn_at.is_(None), items.c.merged_into.is_(None), areas.as_string().is_(None)))
            .order_by(items.c.updated_at.desc(), items.c.id.desc())
            .limit(limit)
        )

    def unmapped_categories(self) -> list[UnmappedCategory]:
        rows = self._connection.execute(
            select(items.c.id, items.c.content["categories"], items.c.content["policy_areas"]).where(
                items.c.withdrawn_at.is_(None), items.c.merged_into.is_(None)
            )
        )
        found: dict[str, list[int]] = {}
        bare: dict[str, int] = {}
        for id, categories, areas in rows:
            for category in categories or ():
                found.setdefault(category, []).append(id)
                bare[category] = bare.get(category, 0) + (not areas)
        counted = [UnmappedCategory(word, len(ids), max(ids), bare[word]) for word, ids in found.items()]
        return sorted(counted, key=lambda told: (-told.without_area, -told.items, told.category))

    def search(self, text: str, language: str, *, kind: str | None = None, limit: int = 20) -> list[Hit]:
        places = search.find(self._connection, text, language, kind=kind, limit=limit)
        known = self.items({id for id, _ in places})
        hits: list[Hit] = []
        for id, shown in places:
            item = known[id]
            visible = item.version_in(shown) or item.version_in(item.source_language) or item.versions[0]
            hits.append(Hit(id, item.kind, visible.language, visible.title, search.excerpt(visible.abstract)))
        return hits

    def _items(self, query: Select[Any], parameters: dict[str, Any] | None = None) -> list[Item]:
        rows = self._connection.execute(query, parameters).all()
        released = self._visible_releases(row.id for row in rows)
        return [_item(row, released[row.id]) for row in rows]


def _living_ids(kind: str | None) -> ColumnElement[bool]:
    of_kind = items.c.kind == kind if kind else items.c.id.is_not(None)
    return and_(items.c.merged_into.is_(None), of_kind)


def _item(row: Row[Any], released: list[Release]) -> Item:
    return item_of(
        row.id,
        row.version,
        content_from_json(row.content),
        releases=tuple(released),
        embargo_until=row.embargo_until,
        withdrawn_at=row.withdrawn_at,
        correlation_id=row.correlation_id,
        updated_at=row.updated_at,
    )
