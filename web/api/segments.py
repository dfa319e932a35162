"""Segments: saved rules that select people; who is in, and why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, StringConstraints

from tribune.domain.audience import Status
from tribune.domain.segment_json import Known, node_to_json, read_text, to_json
from tribune.domain.segment_matching import Finding
from tribune.domain.segment_problems import InvalidRule
from tribune.domain.segments import MAX_ID, Facts, Rule
from tribune.domain.staff import Permission
from tribune.ports.segments import Segment
from tribune.ports.store import Transaction
from tribune.services.segments.archive_segment import archive_segment, restore_segment
from tribune.services.segments.find_segment import find_segment
from tribune.services.segments.save_segment import MAX_DESCRIPTION, MAX_NAME, Draft, save_segment
from tribune.services.segments.say_why_in_segment import say_why_in_segment
from tribune.services.segments.see_segment import Seen, see_segment
from web.api.access import needs_scope
from web.api.calls import Call, Doing, Done, IfMatch, IfNoneMatch, Looking, etag, tagged, unchanged_since
from web.api.cursors import Cursor, Limit, Page, Paging
from web.api.problem_kinds import INVALID
from web.api.problems import Fault, Problem, counted
from web.api.shapes import In, Out

READ = [needs_scope(Permission.READ_SEGMENTS)]
CHANGE = [needs_scope(Permission.CHANGE_SEGMENTS)]
SLUG = r"^[a-z0-9-]{1,60}$"
Slug = Annotated[str, Path(pattern=SLUG, description="Its short name, which never changes.")]
Size = Annotated[int, Query(ge=1, le=100, description="How many people, at most.")]
RuleJson = Annotated[
    dict[str, Any],
    Field(
        max_length=10,
        description="The rule, as `/api/v1/schemas/segment-rule` describes it.",
        examples=[
            {"version": 1, "who": {"all": [{"group": ["government"]}, {"wants": {"places": {"any_of": ["SEN"]}}}]}}
        ],
    ),
]


class SegmentOut(Out):
    """A saved rule."""

    slug: str
    name: str
    description: str
    rule: RuleJson
    version: int = Field(description="Counts the saves.")
    created_at: datetime
    changed_at: datetime
    changed_by: str
    archived_at: datetime | None


class VersionOfSegmentOut(Out):
    """What a segment was after one save."""

    version: int
    name: str
    description: str
    rule: RuleJson
    changed_at: datetime
    changed_by: str


class SegmentHistoryOut(Out):
    """Every version of a segment, the newest first."""

    data: list[VersionOfSegmentOut]


class SegmentIn(In):
    """A segment as it is to be."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)] = ""
    rule: RuleJson


class NewSegmentIn(SegmentIn):
    """A new segment."""

    slug: Annotated[str, StringConstraints(pattern=SLUG)] | None = Field(
        default=None, description="Its short name; left out: made of the name."
    )


class RuleIn(In):
    """A rule to be tried."""

    rule: RuleJson


class MemberOut(Out):
    """What rules know of somebody. No name and no address."""

    id: int
    group: str
    languages: list[str]
    status: Status
    tags: list[str]
    mailed: date | None = Field(description="When they were sent something last.")
    seen: date | None = Field(description="When they last used one of our pages.")
    suppressed: bool


class SeenOut(Out):
    """Who is in, at this moment."""

    people: int
    mailable: int = Field(description="Those of them whom a mailing may reach now.")
    sample: list[MemberOut] = Field(description="A few of them, spread over all.")


class WhyOut(Out):
    """Why a person is in a segment, or why not."""

    inside: bool
    pinned: bool = Field(description="Named among those who are in, whatever the conditions say.")
    left_out: bool = Field(description="Named among those who are never in.")
    facts: MemberOut
    condition: dict[str, Any] | None = Field(
        description="Each condition of the rule with `holds`, what of the person decided it (`seen`), and its `parts`."
    )


def add(routes: APIRouter) -> None:
    """`/segments`."""
    _reading(routes)
    _asking(routes)
    _writing(routes)


def _reading(routes: APIRouter) -> None:
    @routes.get("/v1/segments", tags=["segments"], dependencies=READ)
    def list_segments(
        call: Looking,
        response: Response,
        archived: Annotated[bool, Query(description="Those that were archived.")] = False,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[SegmentOut]:
        """Segments by their short names."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        with call.house.store.read() as tx:
            every = sorted(tx.segments.all(archived=archived), key=lambda one: one.slug)
        found = [one for one in every if paging.after is None or one.slug > paging.after[0]]
        shown = [segment_out(one) for one in found[:limit]]
        return paging.page(shown, response, (shown[-1].slug,) if len(found) > limit else None)

    @routes.get("/v1/segments/{slug}", tags=["segments"], dependencies=READ, response_model=SegmentOut)
    def get_segment(call: Looking, slug: Slug, if_none_match: IfNoneMatch = None) -> Response:
        """One segment. The header `ETag` names this version, for a change."""
        with call.house.store.read() as tx:
            return tagged(segment_out(find_segment(tx, slug)), if_none_match)

    @routes.get("/v1/segments/{slug}/versions", tags=["segments"], dependencies=READ)
    def list_versions_of_segment(call: Looking, slug: Slug) -> SegmentHistoryOut:
        """Every version that a segment has had."""
        with call.house.store.read() as tx:
            versions = tx.segments.versions(find_segment(tx, slug).id)
        return SegmentHistoryOut(
            data=[
                VersionOfSegmentOut(
                    version=one.version,
                    name=one.name,
                    description=one.description,
                    rule=to_json(one.rule),
                    changed_at=one.changed_at,
                    changed_by=one.changed_by,
                )
                for one in versions
            ]
        )


def _asking(routes: APIRouter) -> None:
    @routes.get("/v1/segments/{slug}/people", tags=["segments"], dependencies=READ)
    def see_people_of_segment(call: Looking, slug: Slug, size: Size = 5) -> SeenOut:
        """How many are in a segment, and a few of them."""
        with call.house.store.read() as tx:
            rule = find_segment(tx, slug).rule
            return _seen_out(see_segment(tx, rule, call.house.codelists, call.house.clock.now(), size))

    @routes.get("/v1/segments/{slug}/people/{person}", tags=["segments"], dependencies=READ)
    def say_why_of_segment(
        call: Looking, slug: Slug, person: Annotated[int, Path(ge=1, le=MAX_ID, description="Their number.")]
    ) -> WhyOut:
        """Why a person is in a segment, or why not."""
        with call.house.store.read() as tx:
            rule = find_segment(tx, slug).rule
            told = say_why_in_segment(tx, rule, person, call.house.codelists, call.house.clock.now())
        verdict = told.verdict
        return WhyOut(
            inside=verdict.inside,
            pinned=verdict.pinned,
            left_out=verdict.left_out,
            facts=_member_out(told.facts),
            condition=_finding(verdict.found) if verdict.found is not None else None,
        )

    @routes.post("/v1/segments/check", tags=["segments"], dependencies=READ)
    def check_rule(call: Looking, tried: RuleIn, size: Size = 5) -> SeenOut:
        """Try a rule without saving it: who would be in."""
        rule = _rule(call, tried.rule)
        with call.house.store.read() as tx:
            return _seen_out(see_segment(tx, rule, call.house.codelists, call.house.clock.now(), size))


def _writing(routes: APIRouter) -> None:
    @routes.post("/v1/segments", tags=["segments"], dependencies=CHANGE, status_code=201, response_model=SegmentOut)
    def create_segment(call: Doing, told: NewSegmentIn) -> Response:
        """Save a new segment."""
        rule = _rule(call, told.rule)

        def work(tx: Transaction, now: datetime) -> Done:
            with _places():
                draft = Draft(told.name, told.description, rule, told.slug or "")
                shown = segment_out(save_segment(tx, draft, call.caller.actor, now))
            return Done(shown, 201, {"location": f"/api/v1/segments/{shown.slug}", "etag": etag(shown)})

        return call.do(work)

    @routes.put("/v1/segments/{slug}", tags=["segments"], dependencies=CHANGE, response_model=SegmentOut)
    def change_segment(call: Looking, slug: Slug, told: SegmentIn, if_match: IfMatch = None) -> Response:
        """Save the next version of a segment. Where nothing differs, none is made."""
        rule = _rule(call, told.rule)

        def work(tx: Transaction, now: datetime) -> Done:
            kept = find_segment(tx, slug)
            unchanged_since(if_match, segment_out(kept))
            with _places():
                draft = Draft(told.name, told.description, rule, slug, kept.version)
                shown = segment_out(save_segment(tx, draft, call.caller.actor, now))
            return Done(shown, headers={"etag": etag(shown)})

        return call.do(work)

    @routes.post(
        "/v1/segments/{slug}/archive",
        name="archive_segment",
        tags=["segments"],
        dependencies=CHANGE,
        response_model=SegmentOut,
    )
    def archive(call: Doing, slug: Slug) -> Response:
        """Archive a segment: it is offered no longer. A second time changes nothing."""
        return call.do(lambda tx, now: Done(segment_out(archive_segment(tx, slug, call.caller.actor, now))))

    @routes.post(
        "/v1/segments/{slug}/restore",
        name="restore_segment",
        tags=["segments"],
        dependencies=CHANGE,
        response_model=SegmentOut,
    )
    def restore(call: Doing, slug: Slug) -> Response:
        """Take an archived segment back into use."""
        return call.do(lambda tx, now: Done(segment_out(restore_segment(tx, slug, call.caller.actor, now))))


def segment_out(segment: Segment) -> SegmentOut:
    """A segment as the API tells it."""
    return SegmentOut(
        slug=segment.slug,
        name=segment.name,
        description=segment.description,
        rule=to_json(segment.rule),
        version=segment.version,
        created_at=segment.created_at,
        changed_at=segment.changed_at,
        changed_by=segment.changed_by,
        archived_at=segment.archived_at,
    )


def _rule(call: Call, told: dict[str, Any]) -> Rule:
    """The rule. Raises Problem with the place of every fault."""
    with _places():
        return read_text(json.dumps(told), Known(call.house.codelists, call.house.digests.keys()))


@contextmanager
def _places() -> Iterator[None]:
    """Faults of a rule by their places: `who.all[0].places` is `#/rule/who/all/0/places`."""
    try:
        yield
    except InvalidRule as error:
        faults = [
            Fault(detail=f"{one.what} {one.hint}".strip(), pointer="#/rule" + _pointer(one.path))
            for one in error.problems
        ]
        raise Problem(INVALID, counted(faults), errors=faults) from None


def _pointer(path: str) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in re.findall(r"[^.\[\]]+", path))


def _seen_out(seen: Seen) -> SeenOut:
    return SeenOut(
        people=seen.numbers.people, mailable=seen.numbers.mailable, sample=[_member_out(one) for one in seen.sample]
    )


def _member_out(facts: Facts) -> MemberOut:
    return MemberOut(
        id=facts.id,
        group=facts.group,
        languages=list(facts.languages),
        status=facts.status,
        tags=sorted(facts.tags),
        mailed=facts.mailed,
        seen=facts.seen,
        suppressed=facts.suppressed,
    )


def _finding(found: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {"holds": found.holds}
    if found.parts:
        told["knot"] = next(iter(node_to_json(found.node)))
        told["parts"] = [_finding(part) for part in found.parts]
        return told
    told["condition"] = node_to_json(found.node)
    if found.seen:
        told["seen"] = list(found.seen)
    if found.wishes:
        told["subscriptions"] = [{"digest": one.digest, "cadence": one.cadence.value} for one in found.wishes]
    if found.unlimited:
        told["unlimited"] = list(found.unlimited)
    return told
