"""Queries of campaigns. Implements tribune.ports.campaigns.Campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, insert, select

from tribune.domain.campaigns import Campaign, Draft, Message, Numbers
from tribune.domain.segment_json import read, to_json
from tribune.ports.segments import Segment
from tribune.store.tables import campaigns, mailings, segments

_c = campaigns.c


class SqlCampaigns:
    """Named queries over campaigns."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, draft: Draft, digest: str, segment: Segment, numbers: Numbers, now: datetime, by: str) -> int:
        made = self._connection.execute(
            insert(campaigns).values(
                name=draft.name,
                digest=digest,
                messages=[asdict(message) for message in draft.messages],
                items=list(draft.items),
                segment_id=segment.id,
                segment_version=segment.version,
                rule=to_json(segment.rule),
                numbers=numbers.to_json(),
                created_at=now,
                created_by=by,
            )
        ).inserted_primary_key
        assert made is not None  # noqa: S101 - the key is the database's own
        return int(made[0])

    def one(self, id: int) -> Campaign | None:
        query = select(campaigns, segments.c.slug).join(segments, segments.c.id == _c.segment_id).where(_c.id == id)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return Campaign(
            id=row.id,
            digest=row.digest,
            draft=Draft(row.name, tuple(Message(**told) for told in row.messages), tuple(row.items)),
            segment=row.slug,
            segment_id=row.segment_id,
            segment_version=row.segment_version,
            rule=read(row.rule),
            numbers=Numbers.from_json(row.numbers),
            created_at=row.created_at,
            created_by=row.created_by,
        )

    def named(self, name: str) -> Sequence[tuple[int, int]]:
        query = select(_c.id, mailings.c.id).join(mailings, mailings.c.campaign_id == _c.id).where(_c.name == name)
        return [(campaign, mailing) for campaign, mailing in self._connection.execute(query.order_by(_c.id.desc()))]

    def newest(self, limit: int) -> Sequence[str]:
        return list(self._connection.scalars(select(_c.name).order_by(_c.id.desc()).limit(limit)))
