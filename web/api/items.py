"""Items: what the catalogue holds, and publishing one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from tribune.domain.errors import NotFound
from tribune.domain.items import Item
from tribune.domain.staff import Permission
from tribune.ports.catalogue import HistoryEntry
from web.api.access import needs_scope
from web.api.calls import IfNoneMatch, Looking, tagged
from web.api.cursors import Cursor, Limit, Page, Paging
from web.api.shapes import Number, Out

READ = [needs_scope(Permission.READ_DESK)]
Kind = Annotated[str | None, Query(max_length=40, description="Only this kind, a code of the list `kinds`.")]


class LinkOut(Out):
    """Where a language version can be had."""

    url: str
    format: str
    size_bytes: int | None


class VersionOut(Out):
    """An item in one language."""

    language: str
    title: str
    abstract: str
    pages: int | None
    links: list[LinkOut]
    released_at: datetime | None = Field(description="Since when it is visible; null: it is not.")


class IdentifierOut(Out):
    """An identifier in its normal form."""

    scheme: str
    value: str


class SessionOut(Out):
    """A live session."""

    starts_at: str = Field(description="By the wall clock of `zone`: 2026-12-03T15:00:00.")
    zone: str
    minutes: int
    languages: list[str]
    registration_url: str
    capacity: int | None
    cancelled: bool


class DataOut(Out):
    """What a data release changed."""

    dataflow: str
    unit: str
    first_load: bool
    observations: int
    new_count: int
    revised_count: int
    removed_count: int
    new_periods: list[str]


class ItemOut(Out):
    """A publication, a data release or a session, as the catalogue keeps it."""

    id: int
    version: int
    kind: str
    source_language: str
    versions: list[VersionOut]
    identifiers: list[IdentifierOut]
    policy_areas: list[str]
    places: list[str]
    categories: list[str] = Field(description="Words of the source that name no policy area.")
    series: str
    authors: list[str]
    published_on: date | None
    embargo_until: datetime | None
    reviewed_on: date | None
    maintained: bool | None
    session: SessionOut | None
    data: DataOut | None
    withdrawn_at: datetime | None
    updated_at: datetime | None
    story: str = Field(description="The id of the story that it belongs to: `/api/v1/stories/{id}`.")


class HitOut(Out):
    """A language version that a search found."""

    item: int
    kind: str
    language: str
    title: str
    excerpt: str


class HitsOut(Out):
    """What a search found, the best first."""

    data: list[HitOut]


class ChangeOut(Out):
    """A change of an item."""

    item: int
    version: int
    change: str
    changed_at: datetime
    event: str
    note: str


class HistoryOut(Out):
    """The changes of an item, the oldest first."""

    data: list[ChangeOut]


def add(routes: APIRouter) -> None:
    """`/items`."""

    @routes.get("/v1/items", tags=["items"], dependencies=READ)
    def list_items(
        call: Looking, response: Response, kind: Kind = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[ItemOut]:
        """Items, the newest first; withdrawn ones and those under embargo too."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        with call.house.store.read() as tx:
            found = tx.catalogue.page(limit + 1, before=paging.number, kind=kind)
        shown = found[:limit]
        last = (shown[-1].id,) if len(found) > limit else None
        return paging.page([item_out(one) for one in shown], response, last)

    @routes.get("/v1/items/search", tags=["items"], dependencies=READ)
    def search_items(
        call: Looking,
        q: Annotated[str, Query(min_length=1, max_length=200, description="Words, or an identifier.")],
        language: Annotated[str, Query(max_length=20, description="The reader's language.")] = "en",
        kind: Kind = None,
        limit: Annotated[int, Query(ge=1, le=100, description="How many, at most.")] = 20,
    ) -> HitsOut:
        """Visible items with all the words (the last one may be unfinished), or with an identifier."""
        with call.house.store.read() as tx:
            hits = tx.catalogue.search(q, language, kind=kind, limit=limit)
        return HitsOut(
            data=[
                HitOut(item=hit.item_id, kind=hit.kind, language=hit.language, title=hit.title, excerpt=hit.excerpt)
                for hit in hits
            ]
        )

    @routes.get("/v1/items/{item}", tags=["items"], dependencies=READ, response_model=ItemOut)
    def get_item(call: Looking, item: Number, if_none_match: IfNoneMatch = None) -> Response:
        """One item. The number of one that became one with another leads to the other."""
        with call.house.store.read() as tx:
            found = tx.catalogue.item(item)
        if found is None:
            raise NotFound(f"There is no item {item}.")
        return tagged(item_out(found), if_none_match)

    @routes.get("/v1/items/{item}/history", tags=["items"], dependencies=READ)
    def get_item_history(call: Looking, item: Number) -> HistoryOut:
        """What changed of an item, and because of which events."""
        with call.house.store.read() as tx:
            if tx.catalogue.item(item) is None:
                raise NotFound(f"There is no item {item}.")
            return HistoryOut(data=[_change_out(one) for one in tx.catalogue.history(item)])


def item_out(item: Item) -> ItemOut:
    """An item as the API tells it."""
    released = {release.language: release.released_at for release in item.releases}
    session, data = item.session, item.data
    return ItemOut(
        id=item.id,
        version=item.version,
        kind=item.kind,
        source_language=item.source_language,
        versions=[
            VersionOut(
                language=one.language,
                title=one.title,
                abstract=one.abstract,
                pages=one.pages,
                links=[LinkOut(url=link.url, format=link.format, size_bytes=link.size_bytes) for link in one.links],
                released_at=released.get(one.language),
            )
            for one in item.versions
        ],
        identifiers=[IdentifierOut(scheme=one.scheme.value, value=one.value) for one in item.identifiers],
        policy_areas=list(item.policy_areas),
        places=list(item.places),
        categories=list(item.categories),
        series=item.series,
        authors=list(item.authors),
        published_on=item.published_on,
        embargo_until=item.embargo_until,
        reviewed_on=item.reviewed_on,
        maintained=item.maintained,
        session=SessionOut(
            starts_at=session.starts_at.isoformat(),
            zone=session.zone,
            minutes=session.minutes,
            languages=list(session.languages),
            registration_url=session.registration_url,
            capacity=session.capacity,
            cancelled=session.cancelled,
        )
        if session
        else None,
        data=DataOut(
            dataflow=data.dataflow,
            unit=data.unit,
            first_load=data.first_load,
            observations=data.observations,
            new_count=data.new_count,
            revised_count=data.revised_count,
            removed_count=data.removed_count,
            new_periods=list(data.new_periods),
        )
        if data
        else None,
        withdrawn_at=item.withdrawn_at,
        updated_at=item.updated_at,
        story=item.correlation_id,
    )


def _change_out(entry: HistoryEntry) -> ChangeOut:
    return ChangeOut(
        item=entry.item_id,
        version=entry.version,
        change=entry.change,
        changed_at=entry.changed_at,
        event=entry.event_id,
        note=entry.note,
    )
