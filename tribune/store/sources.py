"""What producers remember of their sources. Implements tribune.ports.sources.Sources."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from tribune.ports.sources import RecordState, SourceState
from tribune.store.tables import source_records, sources

SLICE = 500


class SqlSources:
    """Named queries over `sources` and `source_records`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._insert: Any = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert

    def state(self, source: str) -> SourceState:
        """The source's watermark; an empty one for a source never pulled."""
        row = self._connection.execute(select(sources).where(sources.c.source == source)).first()
        return _state(row) if row else SourceState(source)

    def save_state(self, state: SourceState) -> None:
        """Write the watermark."""
        values = {
            "etag": state.etag,
            "last_modified": state.last_modified,
            "mark": state.mark,
            "pulled_at": state.pulled_at,
            "outcome": state.outcome,
        }
        statement = self._insert(sources).values(source=state.source, **values)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))

    def all_states(self) -> list[SourceState]:
        """Every source ever pulled, by name."""
        return [_state(row) for row in self._connection.execute(select(sources).order_by(sources.c.source))]

    def records(self, source: str, only: Collection[str] | None = None) -> Mapping[str, RecordState]:
        """Records of a source with their last published revision: all, or those among `only`."""
        wanted = select(
            source_records.c.record, source_records.c.revision, source_records.c.digest, source_records.c.withdrawn
        ).where(source_records.c.source == source)
        if only is None:
            asked = [wanted]
        else:  # databases bound the parameters of one statement
            ids = sorted(set(only))
            slices = [ids[at : at + SLICE] for at in range(0, len(ids), SLICE)]
            asked = [wanted.where(source_records.c.record.in_(some)) for some in slices]
        rows = [row for one in asked for row in self._connection.execute(one)]
        return {row.record: RecordState(row.record, row.revision, row.digest, row.withdrawn) for row in rows}

    def save_records(self, source: str, records: list[RecordState]) -> None:
        """Write the last revisions of these records."""
        if not records:
            return
        statement = self._insert(source_records)
        changed = {name: statement.excluded[name] for name in ("revision", "digest", "withdrawn")}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["source", "record"], set_=changed),
            [
                {
                    "source": source,
                    "record": state.record,
                    "revision": state.revision,
                    "digest": state.digest,
                    "withdrawn": state.withdrawn,
                }
                for state in records
            ],
        )


def _state(row: Any) -> SourceState:
    return SourceState(row.source, row.etag, row.last_modified, row.mark, row.pulled_at, row.outcome)
