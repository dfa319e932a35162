"""Publish an item: the same shape, and the same way, as `tribune publish` with a file."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from tribune.domain.events import CloudEvent
from tribune.domain.staff import Permission
from tribune.ports.store import Transaction
from tribune.services.sources.item_files import read_items
from tribune.services.sources.publish_records import events_for, publish_records
from web.api.access import needs_scope
from web.api.calls import Doing, Done
from web.api.shapes import In, Line, Out, Text, Word

SOURCE = "by-hand"
"""The source of what people publish: the same, whichever door they come through."""

Lines = Annotated[tuple[Line, ...], Field(max_length=200)]
Language = Annotated[str, StringConstraints(min_length=1, max_length=20)]


class LinkIn(In):
    """Where a language version can be had."""

    url: Annotated[str, StringConstraints(max_length=2000)]
    format: Word | None = Field(
        default=None, description="html, pdf, epub, csv, xlsx, audio, video, other; else guessed."
    )
    size_bytes: Annotated[int, Field(ge=1, le=10**15)] | None = None


class VersionIn(In):
    """The item in one language."""

    title: Line
    abstract: Text | None = None
    pages: Annotated[int, Field(ge=1, le=100_000)] | None = None
    links: Annotated[tuple[LinkIn, ...], Field(max_length=50)] | None = None


class IdentifiersIn(In):
    """Identifiers of the work: one, or a list."""

    doi: Line | Lines | None = None
    isbn: Line | Lines | None = None
    issn: Line | Lines | None = None
    oai: Line | Lines | None = None
    url: Line | Lines | None = None


class SessionIn(In):
    """A live session, for items of the kind `session`."""

    starts_at: Line = Field(description="By the wall clock of `zone`: 2026-12-03 15:00.")
    zone: Word = Field(description="An IANA zone, such as Africa/Dakar.")
    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)]
    languages: Annotated[tuple[Language, ...], Field(max_length=50)] | None = None
    registration_url: Annotated[str, StringConstraints(max_length=2000)] | None = None
    capacity: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    cancelled: bool | None = None


class ItemIn(In):
    """An item as `tribune publish` reads it from a file. With `withdrawn`, only `record` is needed."""

    record: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="An id of your own. The same id again is a new revision."
    )
    kind: Word | None = Field(default=None, description="A code of the list `kinds`.")
    source_language: Language | None = None
    versions: Annotated[dict[Language, VersionIn], Field(max_length=64)] | None = Field(
        None, description="Language -> the item in it."
    )
    identifiers: IdentifiersIn | None = None
    translation_of: Line | Lines | None = Field(default=None, description="The work that this is a translation of.")
    policy_areas: Annotated[tuple[Word, ...], Field(max_length=200)] | None = None
    places: Annotated[tuple[Word, ...], Field(max_length=500)] | None = None
    series: Line | None = None
    authors: Lines | None = None
    published_on: Word | None = Field(default=None, description="A date: 2026-11-30.")
    embargo_until: Word | None = Field(default=None, description="An instant with its zone: 2026-11-30T09:00:00Z.")
    reviewed_on: Word | None = None
    maintained: bool | None = None
    new: bool | None = Field(default=None, description="This revision is news: it is released again.")
    session: SessionIn | None = None
    withdrawn: Line | None = Field(default=None, description="Takes the record back, and says why.")


class EventRef(Out):
    """An event that came of it."""

    id: str
    type: str
    revision: int
    time: datetime


class PublishedOut(Out):
    """What publishing came to. The catalogue takes the events in within a second or so: look at the story."""

    record: str
    events: list[EventRef] = Field(description="Empty: nothing has changed since it was published last.")
    story: str | None = Field(description="Where to follow it: `/api/v1/stories/{story}`.")
    dry_run: bool


def add(routes: APIRouter) -> None:
    """POST `/items`."""

    @routes.post(
        "/v1/items",
        tags=["items"],
        dependencies=[needs_scope(Permission.PUBLISH_ITEMS)],
        status_code=202,
        response_model=PublishedOut,
        responses={200: {"model": PublishedOut, "description": "Nothing was published: no change, or a dry run."}},
    )
    def publish_item(
        call: Doing,
        item: ItemIn,
        dry_run: Annotated[bool, Query(description="Only say what would be published.")] = False,
    ) -> Response:
        """Publish an item, a new revision of it, or its withdrawal."""
        told = read_items(json.dumps(_given(item)), "body.json", call.house.codelists)

        def work(tx: Transaction, now: datetime) -> Done:
            if dry_run:
                return _done(item.record, events_for(tx.sources, SOURCE, told, now)[0], dry_run=True)
            events = publish_records(tx, SOURCE, told, now)
            if events:
                facts: dict[str, Any] = {"type": events[0].type, "revision": events[0].revision}
                call.note(tx, "item.published", f"record/{item.record}"[:100], facts)
            return _done(item.record, events, dry_run=False)

        return call.do(work)


def _given(item: ItemIn) -> dict[str, Any]:
    """What was sent, as the reader of files wants it: nothing that is empty."""
    return item.model_dump(mode="json", exclude_none=True, exclude_unset=True)


def _done(record: str, events: list[CloudEvent], *, dry_run: bool) -> Done:
    refs = [EventRef(id=one.id, type=one.type, revision=one.revision, time=one.time) for one in events]
    story = (events[0].correlation_id or events[0].id) if events and not dry_run else None
    told = PublishedOut(record=record, events=refs, story=story, dry_run=dry_run)
    headers = {"location": f"/api/v1/stories/{story}"} if story else {}
    return Done(told, 202 if story else 200, headers)
