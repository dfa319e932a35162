"""The event log: what came in, the stories that follow from it, and what could not be handled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, NotFound
from tribune.domain.events import PUBLICATIONS, TYPES
from tribune.domain.staff import Permission
from tribune.ports.log import LARGEST_LETTER, DeadLetter, Message
from tribune.services.desk.see_events import SeenEvent, events_of, see
from web.api.access import needs_scope
from web.api.calls import Doing, Done, Looking
from web.api.cursors import Cursor, Limit, Page, Paging
from web.api.shapes import Out

READ = [needs_scope(Permission.READ_DESK)]
REPLAY = [needs_scope(Permission.REPLAY_EVENTS)]
LOOKED_THROUGH = 5_000
"""The newest events, or dead letters, that a list looks through: a log has no index but its offsets."""

Letter = Annotated[int, Path(ge=1, le=LARGEST_LETTER, description="Its number.")]
Story = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.:-]+$")]


class EventOut(Out):
    """An event (CloudEvents 1.0). Its data holds nothing of a person: people are numbers."""

    id: str
    type: str
    source: str
    record: str = Field(description="The record of the source, which is also the event's key.")
    revision: int
    time: datetime
    published_at: datetime = Field(description="When it was put on the log.")
    topic: str
    story: str = Field(description="The id of the first event of the story: `/api/v1/stories/{story}`.")
    data: dict[str, Any]


class StoryOut(Out):
    """What followed from an event, the oldest first."""

    id: str
    events: list[EventOut]
    items: list[int] = Field(description="The items that its publications became.")


class DeadLetterOut(Out):
    """An event that a consumer group gave up."""

    id: int
    group: str
    topic: str
    partition: int
    offset: int
    key: str
    attempts: int
    reason: str
    died_at: datetime
    replayed_at: datetime | None = Field(description="When it was given back to its group.")
    event: dict[str, Any] | None = Field(description="The event, as far as it can be read.")
    whole_bytes: int | None = Field(
        description="How large the event is, where it was too large to be kept whole among the dead letters. It stands "
        "at topic, partition and offset as long as that topic keeps it; a replay reads it there."
    )


class ReplayedOut(Out):
    """A dead letter that is back with its group."""

    id: int
    group: str


def add(routes: APIRouter) -> None:
    """`/events`, `/stories`, `/dead-letters`."""
    _seeing(routes)
    _dead(routes)


def _seeing(routes: APIRouter) -> None:
    @routes.get("/v1/events", tags=["events"], dependencies=READ)
    def list_events(
        call: Looking,
        response: Response,
        type: Annotated[str | None, Query(max_length=60, description="Only of this type.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[EventOut]:
        """What came in from sources, or the events of any one type; the newest first, of the last 5,000."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        if type is not None and type not in TYPES:
            return paging.page([], response, None)
        of = TYPES[type].topic if type is not None else PUBLICATIONS
        messages = call.house.log_view.newest((of,), limit=LOOKED_THROUGH, containing=type or "")
        shown: list[tuple[Message, SeenEvent]] = []
        for message in messages:
            if paging.after is None or _key(message) < _read_key(paging.after):
                seen = see(message)
                if seen.event is not None and type in (None, seen.event.type):
                    shown.append((message, seen))
            if len(shown) > limit:
                break
        last = _key(shown[limit - 1][0]) if len(shown) > limit else None
        return paging.page([_event_out(seen) for _, seen in shown[:limit]], response, last)

    @routes.get("/v1/stories/{story}", tags=["events"], dependencies=READ)
    def get_story(call: Looking, story: Story) -> StoryOut:
        """The events that share a correlation id, as long as the log keeps them, and the items that they became."""
        found = events_of(call.house.log_view, story)
        if not found:
            raise NotFound(f"No story {story} is on the log.", hint="Events are kept for 30 days.")
        items: set[int] = set()
        with call.house.store.read() as tx:
            for one in found:
                if one.topic == PUBLICATIONS and one.event is not None:
                    items.update(tx.catalogue.items_of_event(one.event.id))
        return StoryOut(id=story, events=[_event_out(one) for one in found], items=sorted(items))


def _dead(routes: APIRouter) -> None:
    @routes.get("/v1/dead-letters", tags=["events"], dependencies=READ)
    def list_dead_letters(
        call: Looking,
        response: Response,
        group: Annotated[str | None, Query(max_length=100, description="Only of this consumer group.")] = None,
        state: Annotated[
            Literal["open", "all"], Query(description="`open`: not given back to their group yet.")
        ] = "open",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[DeadLetterOut]:
        """Events that a group gave up, the newest first, of the newest 5,000."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        letters = call.house.log.dead_letters(group=group, limit=LOOKED_THROUGH)
        wanted = [
            one
            for one in letters
            if (state == "all" or one.replayed_at is None)
            and (paging.after is None or _letter_key(one) < (paging.after[0], int(paging.after[1])))
        ]
        shown = [_letter_out(one) for one in wanted[:limit]]
        more = len(wanted) > limit
        return paging.page(shown, response, _letter_key(wanted[limit - 1]) if more else None)

    @routes.get("/v1/dead-letters/{letter}", tags=["events"], dependencies=READ)
    def get_dead_letter(call: Looking, letter: Letter) -> DeadLetterOut:
        """One dead letter."""
        return _letter_out(_letter(call.house, letter))

    @routes.post("/v1/dead-letters/{letter}/replay", tags=["events"], dependencies=REPLAY, response_model=ReplayedOut)
    def replay_dead_letter(call: Doing, letter: Letter) -> Response:
        """Give a dead letter back to its group, and to no other, to be handled again. 409 where it is back already, or
        was too large to be kept whole and can be given back no more; the answer says what to do."""

        def work() -> Done:
            found = _letter(call.house, letter)
            if found.replayed_at is not None:
                raise Conflict(f"Dead letter {letter} is back with its group already.")
            with call.house.store.write() as tx:
                call.note(tx, "dead_letter.replayed", f"dead-letter/{letter}", {"group": found.group})
            call.house.log.replay_dead([letter])
            return Done(ReplayedOut(id=letter, group=found.group))

        return call.do_outside(work)


def _key(message: Message) -> tuple[str, int, str, int]:
    """The place of a message in a list that is told the newest first."""
    at = message.position
    return _instant(message.published_at), at.offset, at.topic, at.partition


def _read_key(told: tuple[str, ...]) -> tuple[str, int, str, int]:
    return told[0], int(told[1]), told[2], int(told[3])


def _letter_key(letter: DeadLetter) -> tuple[str, int]:
    return _instant(letter.died_at), letter.id


def _instant(at: datetime) -> str:
    """In an order that text has too, of characters that a cursor carries."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-%f")


def _event_out(seen: SeenEvent) -> EventOut:
    event = seen.event
    if event is None:
        raise NotFound("This message is no event.")
    return EventOut(
        id=event.id,
        type=event.type,
        source=event.source,
        record=event.key,
        revision=event.revision,
        time=event.time,
        published_at=seen.published_at,
        topic=seen.topic,
        story=event.correlation_id or event.id,
        data=dict(event.data),
    )


def _letter(house: Application, number: int) -> DeadLetter:
    letters: Sequence[DeadLetter] = house.log.dead_letters(limit=1_000_000)
    found = next((one for one in letters if one.id == number), None)
    if found is None:
        raise NotFound(f"There is no dead letter {number}.")
    return found


def _letter_out(letter: DeadLetter) -> DeadLetterOut:
    try:
        event = json.loads(letter.value)
    except (ValueError, RecursionError):
        event = None
    return DeadLetterOut(
        id=letter.id,
        group=letter.group,
        topic=letter.position.topic,
        partition=letter.position.partition,
        offset=letter.position.offset,
        key=letter.key,
        attempts=letter.attempts,
        reason=letter.reason,
        died_at=letter.died_at,
        replayed_at=letter.replayed_at,
        event=event if isinstance(event, dict) else None,
        whole_bytes=letter.whole_bytes,
    )
