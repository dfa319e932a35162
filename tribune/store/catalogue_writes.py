"""Writes of the catalogue, and what its services read before they write."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.items import Scheme
from tribune.domain.merging import DECLARED, Content, KeptRecord, Key
from tribune.ports.catalogue import HistoryEntry
from tribune.store import listings, search
from tribune.store.item_codec import content_to_json, record_from_row, record_to_json
from tribune.store.release_queries import ReleaseQueries, batches
from tribune.store.tables import item_history, item_identifiers, item_records, items

# Built once: building a statement costs SQLAlchemy more than SQLite takes to run it.
_RECORD = select(item_records).where(
    item_records.c.source == bindparam("of_source"), item_records.c.record == bindparam("named")
)
_RECORDS_OF = (
    select(item_records)
    .where(item_records.c.item_id.in_(bindparam("ids", expanding=True)))
    .order_by(item_records.c.source, item_records.c.record)
)
_HOLDERS = select(item_identifiers.c.scheme, item_identifiers.c.value, item_identifiers.c.item_id).where(
    item_identifiers.c.scheme.in_([*(scheme.value for scheme in Scheme), DECLARED]),
    item_identifiers.c.value.in_(bindparam("values", expanding=True)),
)
_KEYS_OF_ITEM = select(item_identifiers.c.scheme, item_identifiers.c.value).where(
    item_identifiers.c.item_id == bindparam("id")
)
_SAVE_ITEM = update(items).where(items.c.id == bindparam("known"))
_DIALECTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_SAVE_RECORD: dict[str, Any] = {}
_HOLD: dict[str, Any] = {}
for _name, _insert in _DIALECTS.items():
    _new = _insert(item_records)
    _SAVE_RECORD[_name] = _new.on_conflict_do_update(
        index_elements=["source", "record"],
        set_={name: _new.excluded[name] for name in ("item_id", "revision", "content", "withdrawn")},
    )
    _HOLD[_name] = _insert(item_identifiers).on_conflict_do_nothing()


class CatalogueWrites(ReleaseQueries):
    """The writing part of SqlCatalogue."""

    def record(self, source: str, record: str) -> KeptRecord | None:
        row = self._connection.execute(_RECORD, {"of_source": source, "named": record}).one_or_none()
        return record_from_row(row) if row is not None else None

    def records_of(self, item_ids: Collection[int]) -> list[KeptRecord]:
        found: list[KeptRecord] = []
        for batch in batches(item_ids):
            rows = self._connection.execute(_RECORDS_OF, {"ids": batch})
            found.extend(record_from_row(row) for row in rows)
        return found

    def records_with_categories(self) -> Iterator[KeptRecord]:
        # All names first: what is done with a record may move it, and a cursor would meet it again.
        names = self._connection.execute(
            select(item_records.c.source, item_records.c.record)
            .where(item_records.c.withdrawn.is_(False))
            .order_by(item_records.c.source, item_records.c.record)
        ).all()
        for source, name in names:
            kept = self.record(source, name)
            if kept and kept.newest and kept.newest.categories:
                yield kept

    def save_record(self, kept: KeptRecord) -> None:
        self._connection.execute(
            _SAVE_RECORD[self._connection.dialect.name],
            {
                "source": kept.source,
                "record": kept.record,
                "item_id": kept.item_id,
                "revision": kept.revision,
                "content": record_to_json(kept),
                "withdrawn": kept.withdrawn,
            },
        )

    def holders(self, keys: Collection[Key]) -> set[int]:
        found: set[int] = set()
        for batch in batches(sorted(keys)):
            found.update(
                item_id
                for scheme, value, item_id in self._connection.execute(_HOLDERS, {"values": [key[1] for key in batch]})
                if (scheme, value) in keys
            )
        return found

    def hold(self, item_id: int, keys: Collection[Key]) -> None:
        wanted = set(keys)
        held = {(scheme, value) for scheme, value in self._connection.execute(_KEYS_OF_ITEM, {"id": item_id})}
        for batch in batches(sorted(held - wanted)):
            self._connection.execute(
                delete(item_identifiers).where(tuple_(item_identifiers.c.scheme, item_identifiers.c.value).in_(batch))
            )
        if wanted - held:
            self._connection.execute(
                _HOLD[self._connection.dialect.name],
                [{"scheme": scheme, "value": value, "item_id": item_id} for scheme, value in sorted(wanted - held)],
            )

    def add_item(self, content: Content, *, embargo_until: datetime | None, correlation_id: str, now: datetime) -> int:
        added = self._connection.execute(
            insert(items),
            {
                "version": 1,
                "kind": content.kind,
                "content": content_to_json(content),
                "embargo_until": embargo_until,
                "correlation_id": correlation_id,
                "created_at": now,
                "updated_at": now,
            },
        )
        key = added.inserted_primary_key
        assert key is not None  # noqa: S101 - a table with one integer key always gives it
        return int(key[0])

    def save_item(
        self,
        id: int,
        *,
        version: int,
        content: Content,
        embargo_until: datetime | None,
        withdrawn_at: datetime | None,
        correlation_id: str,
        now: datetime,
    ) -> None:
        self._connection.execute(
            _SAVE_ITEM,
            {
                "known": id,
                "version": version,
                "kind": content.kind,
                "content": content_to_json(content),
                "embargo_until": embargo_until,
                "withdrawn_at": withdrawn_at,
                "correlation_id": correlation_id,
                "updated_at": now,
            },
        )

    def redirect(self, id: int, into: int, now: datetime) -> None:
        self._move_all_releases(id, into)
        self._connection.execute(
            update(items)
            .where((items.c.id == id) | (items.c.merged_into == id))
            .values(merged_into=into, embargo_until=None, updated_at=now)
        )
        for table in (item_records, item_identifiers):
            self._connection.execute(update(table).where(table.c.item_id == id).values(item_id=into))
        search.remove(self._connection, id)
        listings.remove(self._connection, id)

    def add_history(self, entry: HistoryEntry, content: Content) -> None:
        self._connection.execute(
            insert(item_history),
            {
                "item_id": entry.item_id,
                "version": entry.version,
                "event_id": entry.event_id,
                "changed_at": entry.changed_at,
                "change": entry.change,
                "content": {"item": content_to_json(content), "note": entry.note},
            },
        )

    def index(self, item_id: int, content: Content, languages: Collection[str]) -> None:
        search.add(self._connection, item_id, content, languages)

    def unindex(self, item_id: int) -> None:
        search.remove(self._connection, item_id)
