"""Tags: what staff know of people that no other field says. And the schema of a segment's rule."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from tribune.domain.segment_schema import schema
from tribune.domain.segments import TAG
from tribune.domain.staff import Permission
from tribune.ports.store import Transaction
from tribune.services.segments.tag_people import tag_people, untag_people
from web.api.access import needs_scope
from web.api.calls import Doing, Done, Looking
from web.api.shapes import LARGEST, In, Out

READ = [needs_scope(Permission.READ_SEGMENTS)]
CHANGE = [needs_scope(Permission.CHANGE_PEOPLE)]
Tag = Annotated[str, Path(pattern=f"^{TAG.pattern}$", description="A tag: small letters, digits and hyphens.")]
Person = Annotated[int, Field(ge=1, le=LARGEST)]


class TagOut(Out):
    """A tag, and how many people bear it."""

    tag: str
    people: int


class TagsOut(Out):
    """Every tag that somebody bears, by name."""

    data: list[TagOut]


class PeopleIn(In):
    """Numbers of people."""

    people: Annotated[tuple[Person, ...], Field(min_length=1, max_length=10_000)]


class TaggedOut(Out):
    """What became of it."""

    tag: str
    changed: int = Field(description="How many people that made a difference to.")


def add(routes: APIRouter) -> None:
    """`/tags`, `/schemas/segment-rule`."""

    @routes.get("/v1/tags", tags=["segments"], dependencies=READ)
    def list_tags(call: Looking) -> TagsOut:
        """The tags that people bear."""
        with call.house.store.read() as tx:
            return TagsOut(data=[TagOut(tag=tag, people=people) for tag, people in sorted(tx.segments.tags().items())])

    @routes.post(
        "/v1/tags/{tag}/add", name="tag_people", tags=["segments"], dependencies=CHANGE, response_model=TaggedOut
    )
    def add_tag(call: Doing, tag: Tag, whom: PeopleIn) -> Response:
        """Tag people. Where one of them does not exist, nobody is tagged."""

        def work(tx: Transaction, now: datetime) -> Done:
            changed = tag_people(tx, set(whom.people), tag, call.caller.actor, now)
            return Done(TaggedOut(tag=tag, changed=changed))

        return call.do(work)

    @routes.post(
        "/v1/tags/{tag}/remove", name="untag_people", tags=["segments"], dependencies=CHANGE, response_model=TaggedOut
    )
    def remove_tag(call: Doing, tag: Tag, whom: PeopleIn) -> Response:
        """Take a tag from people."""

        def work(tx: Transaction, now: datetime) -> Done:
            changed = untag_people(tx, set(whom.people), tag, call.caller.actor, now)
            return Done(TaggedOut(tag=tag, changed=changed))

        return call.do(work)

    @routes.get("/v1/schemas/segment-rule", tags=["segments"], dependencies=READ)
    def get_schema_of_rules(call: Looking) -> dict[str, Any]:
        """The JSON Schema of a segment's rule."""
        return schema()
