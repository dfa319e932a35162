"""Queries of segments: saved rules and their versions, tags, and the days on which people used our pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tribune.domain.segment_json import read, to_json
from tribune.domain.segments import Rule
from tribune.ports.segments import Segment, Version
from tribune.store.among import among
from tribune.store.segment_people import SegmentPeople, batches
from tribune.store.tables import engagement, person_tags, segment_versions, segments, subscribers


class SqlSegments(SegmentPeople):
    """Implements tribune.ports.segments.Segments."""

    # -- saved rules

    def one(self, slug: str) -> Segment | None:
        row = self._connection.execute(select(segments).where(segments.c.slug == slug)).one_or_none()
        return None if row is None else _segment(row)

    def all(self, *, archived: bool = False) -> Sequence[Segment]:
        kept = segments.c.archived_at.is_not(None) if archived else segments.c.archived_at.is_(None)
        rows = self._connection.execute(select(segments).where(kept).order_by(segments.c.name, segments.c.id))
        return [_segment(row) for row in rows]

    def add(self, slug: str, name: str, description: str, rule: Rule, now: datetime, by: str) -> Segment:
        told = {"slug": slug, "version": 1, "created_at": now, **_told(name, description, rule, now, by)}
        self._connection.execute(insert(segments).values(told))
        found = self.one(slug)
        assert found is not None  # noqa: S101 - it has just been written
        self._remember(found.id)
        return found

    def change(self, id: int, name: str, description: str, rule: Rule, now: datetime, by: str) -> None:
        told = {"version": segments.c.version + 1, **_told(name, description, rule, now, by)}
        self._connection.execute(update(segments).where(segments.c.id == id).values(told))
        self._remember(id)

    def _remember(self, id: int) -> None:
        names = [column.name for column in segment_versions.c if column.name != "segment_id"]
        kept = select(segments.c.id, *(segments.c[name] for name in names)).where(segments.c.id == id)
        self._connection.execute(insert(segment_versions).from_select(["segment_id", *names], kept))

    def archive(self, id: int, at: datetime | None) -> None:
        self._connection.execute(update(segments).where(segments.c.id == id).values(archived_at=at))

    def versions(self, id: int) -> Sequence[Version]:
        v = segment_versions.c
        rows = self._connection.execute(
            select(v.version, v.name, v.description, v.rule, v.changed_at, v.changed_by)
            .where(v.segment_id == id)
            .order_by(v.version.desc())
        )
        return [Version(number, name, text, read(rule), at, by) for number, name, text, rule, at, by in rows]

    # -- what is known of people

    def tag(self, ids: Collection[int], tag: str) -> int:
        added = 0
        for batch in batches(sorted(set(ids))):
            whose = select(subscribers.c.id, literal(tag)).where(subscribers.c.id.in_(batch))
            new = self._insert(person_tags).from_select(["subscriber_id", "tag"], whose).on_conflict_do_nothing()
            added += len(self._connection.execute(new.returning(person_tags.c.subscriber_id)).all())
        return added

    def untag(self, ids: Collection[int], tag: str) -> int:
        gone = 0
        for batch in batches(sorted(set(ids))):
            which = person_tags.c.tag == tag, person_tags.c.subscriber_id.in_(batch)
            gone += self._connection.execute(delete(person_tags).where(*which)).rowcount
        return gone

    def tags(self) -> Mapping[str, int]:
        tag = person_tags.c.tag
        rows = self._connection.execute(select(tag, func.count().label("number")).group_by(tag).order_by(tag))
        return {row.tag: row.number for row in rows}

    def tags_of(self, ids: Collection[int]) -> dict[int, set[str]]:
        c = person_tags.c
        found: dict[int, set[str]] = {}
        for batch in batches(sorted(set(ids))):
            whose = select(c.subscriber_id, c.tag).where(among(self._connection, c.subscriber_id, batch))
            for id, tag in self._connection.execute(whose):
                found.setdefault(id, set()).add(tag)
        return found

    def saw(self, ids: Collection[int], day: date) -> None:
        for batch in batches(sorted(set(ids))):
            whose = select(subscribers.c.id, literal(day)).where(subscribers.c.id.in_(batch))
            new = self._insert(engagement).from_select(["subscriber_id", "last_seen_on"], whose)
            later = new.excluded.last_seen_on
            self._connection.execute(
                new.on_conflict_do_update(
                    index_elements=["subscriber_id"],
                    set_={"last_seen_on": later},
                    where=engagement.c.last_seen_on < later,
                )
            )

    def _insert(self, table: Any) -> Any:
        return (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(table)


def _told(name: str, description: str, rule: Rule, now: datetime, by: str) -> dict[str, Any]:
    return {"name": name, "description": description, "rule": to_json(rule), "changed_at": now, "changed_by": by}


def _segment(row: Row[Any]) -> Segment:
    return Segment(
        id=row.id,
        slug=row.slug,
        name=row.name,
        description=row.description,
        rule=read(row.rule),
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        archived_at=row.archived_at,
    )
