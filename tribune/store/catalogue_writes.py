"""Writes of the catalogue, and what its services read before they write."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from sqlalchemy import delete, insert, select, tuple_, update

from tribune.domain.merging import Content, Key, KeptRecord
from tribune.ports.catalogue import HistoryEntry
from tribune.store import search
from tribune.store.item_codec import content_to_json, record_from_row, record_to_json
from tribune.store.release_queries import ReleaseQueries, batches
from tribune.store.tables import item_history, item_identifiers, item_records, items


class CatalogueWrites(ReleaseQueries):
    """The writing part of SqlCatalogue."""

    def record(self, source: str, record: str) -> KeptRecord | None:
        row = self._connection.execute(
            select(item_records).where(item_records.c.source == source, item_records.c.record == record)
        ).one_or_none()
        return record_from_row(row) if row is not None else None

    def records_of(self, item_ids: Collection[int]) -> list[KeptRecord]:
        found: list[KeptRecord] = []
        for batch in batches(item_ids):
            rows = self._connection.execute(
                select(item_records)
                .where(item_records.c.item_id.in_(batch))
                .order_by(item_records.c.source, item_records.c.record)
            )
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
        values = {
            "item_id": kept.item_id,
            "revision": kept.revision,
            "content": record_to_json(kept),
            "withdrawn": kept.withdrawn,
        }
        changed = self._connection.execute(
            update(item_records)
            .where(item_records.c.source == kept.source, item_records.c.record == kept.record)
            .values(**values)
        )
        if not changed.rowcount:
            self._connection.execute(insert(item_records).values(source=kept.source, record=kept.record, **values))

    def holders(self, keys: Collection[Key]) -> set[int]:
        found: set[int] = set()
        for batch in batches(sorted(keys)):
            found.update(
                self._connection.scalars(
                    select(item_identifiers.c.item_id).where(
                        tuple_(item_identifiers.c.scheme, item_identifiers.c.value).in_(batch)
                    )
                )
            )
        return found

    def hold(self, item_id: int, keys: Collection[Key]) -> None:
        wanted = set(keys)
        rows = self._connection.execute(
            select(item_identifiers.c.scheme, item_identifiers.c.value).where(item_identifiers.c.item_id == item_id)
        )
        held = {(scheme, value) for scheme, value in rows}
        for batch in batches(sorted(held - wanted)):
            self._connection.execute(
                delete(item_identifiers).where(tuple_(item_identifiers.c.scheme, item_identifiers.c.value).in_(batch))
            )
        new = wanted - held
        taken: set[Key] = set()
        for batch in batches(sorted(new)):
            rows = self._connection.execute(
                select(item_identifiers.c.scheme, item_identifiers.c.value).where(
                    tuple_(item_identifiers.c.scheme, item_identifiers.c.value).in_(batch)
                )
            )
            taken.update((scheme, value) for scheme, value in rows)
        if new - taken:
            self._connection.execute(
                insert(item_identifiers),
                [{"scheme": scheme, "value": value, "item_id": item_id} for scheme, value in sorted(new - taken)],
            )

    def add_item(self, content: Content, correlation_id: str, now: datetime) -> int:
        added = self._connection.execute(
            insert(items).values(
                version=1,
                kind=content.kind,
                content=content_to_json(content),
                correlation_id=correlation_id,
                created_at=now,
                updated_at=now,
            )
        )
        return int(added.inserted_primary_key[0])

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
            update(items)
            .where(items.c.id == id)
            .values(
                version=version,
                kind=content.kind,
                content=content_to_json(content),
                embargo_until=embargo_until,
                withdrawn_at=withdrawn_at,
                correlation_id=correlation_id,
                updated_at=now,
            )
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

    def add_history(self, entry: HistoryEntry, content: Content) -> None:
        self._connection.execute(
            insert(item_history).values(
                item_id=entry.item_id,
                version=entry.version,
                event_id=entry.event_id,
                changed_at=entry.changed_at,
                change=entry.change,
                content={"item": content_to_json(content), "note": entry.note},
            )
        )

    def index(self, item_id: int, content: Content | None, languages: Collection[str] = ()) -> None:
        search.remove(self._connection, item_id)
        if content is not None:
            search.add(self._connection, item_id, content, languages)
