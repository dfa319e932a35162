"""Mailings: how far each is, and what staff may do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from tribune.domain.audience import Cadence
from tribune.domain.audit import Facts
from tribune.domain.mailings import DeliveryState, Mailing, MailingState
from tribune.domain.staff import Permission
from tribune.ports.store import Transaction
from tribune.services.planning.approve_mailing import approve_mailing
from tribune.services.sending.cancel_mailing import cancel_mailing
from tribune.services.sending.mailing_progress import MailingProgress, mailing_progress
from tribune.services.sending.pause_mailing import existing, pause_mailing, resume_mailing
from tribune.services.sending.retry_mailing import BY_ITSELF, retry_mailing
from web.api.access import needs_scope
from web.api.calls import Call, Doing, Done, Looking
from web.api.cursors import Cursor, Limit, Page, Paging
from web.api.shapes import LARGEST, In, Number, Out

READ = [needs_scope(Permission.READ_DESK)]
RUN = [needs_scope(Permission.RUN_MAILINGS)]
States = Annotated[list[MailingState] | None, Query(max_length=6, description="Only in these states.")]
DeliveryStates = Annotated[list[DeliveryState] | None, Query(max_length=9, description="Only in these states.")]


class CampaignOut(Out):
    """A message that staff wrote for the people of a segment."""

    id: int
    name: str = Field(description="As staff call it; readers do not see it.")


class MailingOut(Out):
    """An edition's or a campaign's recipients of one due instant, on their way."""

    id: int
    kind: Literal["edition", "campaign"] = Field(description="What it is a mailing of.")
    edition: int | None = Field(description="Null for a campaign.")
    campaign: CampaignOut | None = Field(description="Null for an edition.")
    digest: str = Field(description="The digest, or in the name of which digest a campaign goes out.")
    cadence: Cadence | None = Field(description="Null for a campaign.")
    occasion: str = Field(description='The edition\'s local date; at once: the instant; "" for a campaign.')
    state: MailingState
    approval: str = Field(description="`standing`, or `each`: it waits until somebody approves it.")
    recipients: int
    skipped_empty: int = Field(
        description="People for whom there was nothing; of a campaign: in no language of theirs."
    )
    due_at: datetime
    planned_at: datetime
    started_at: datetime | None
    paused_at: datetime | None
    finished_at: datetime | None
    story: str


class ProgressOut(MailingOut):
    """A mailing and its exact numbers."""

    deliveries: dict[DeliveryState, int] = Field(description="How many in each state; states with none are left out.")
    languages: dict[str, dict[DeliveryState, int]] = Field(description="The same for each language of the frame.")
    settled: int = Field(description="Deliveries that sending is through with.")
    per_second: float | None = Field(description="Deliveries settled in a second of being sent.")
    seconds_left: float | None = Field(description="How long the rest takes at this pace.")


class RetryIn(In):
    """Which deliveries are tried again."""

    states: Annotated[tuple[DeliveryState, ...], Field(min_length=1, max_length=3)] = Field(
        default=BY_ITSELF, description="quarantined, retry or failed; failed ones only where named."
    )


class RetriedOut(Out):
    """What is tried again."""

    mailing: int
    tried_again: dict[DeliveryState, int]


class CancelledOut(Out):
    """What a cancellation came to so far; the rest is closed by the scheduler."""

    mailing: MailingOut
    chunks_left: int = Field(description="Chunks that are not closed yet: a sender still has them, or they are next.")


class DeliveryOut(Out):
    """One message to one person, known by number."""

    chunk: int
    place: int
    subscriber: int
    language: str
    state: DeliveryState
    code: str = Field(description="What the mail server answered, if it refused.")
    attempts: int
    next_attempt_at: datetime | None


def add(routes: APIRouter) -> None:
    """`/mailings`."""
    _reading(routes)
    _doing(routes)


def _reading(routes: APIRouter) -> None:
    @routes.get("/v1/mailings", tags=["mailings"], dependencies=READ)
    def list_mailings(
        call: Looking,
        response: Response,
        state: States = None,
        edition: Annotated[int | None, Query(ge=1, le=LARGEST, description="Only of this edition.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[MailingOut]:
        """Mailings, the newest first."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        with call.house.store.read() as tx:
            found = tx.ledger.mailings(states=state or (), edition=edition, before=paging.number, limit=limit + 1)
        shown = [MailingOut(**_facts(one)) for one in found[:limit]]
        return paging.page(shown, response, (shown[-1].id,) if len(found) > limit else None)

    @routes.get("/v1/mailings/{mailing}", tags=["mailings"], dependencies=READ)
    def get_mailing(call: Looking, mailing: Number) -> ProgressOut:
        """One mailing with its exact numbers, its pace and the time left."""
        with call.house.store.read() as tx:
            return _progress_out(mailing_progress(tx, mailing), tx.now())

    @routes.get("/v1/mailings/{mailing}/deliveries", tags=["mailings"], dependencies=READ)
    def list_deliveries(
        call: Looking,
        response: Response,
        mailing: Number,
        state: DeliveryStates = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[DeliveryOut]:
        """The deliveries of a mailing in their order; people are numbers. Gone once the mailing has aged out."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        after = (int(paging.after[0]), int(paging.after[1])) if paging.after else None
        with call.house.store.read() as tx:
            existing(tx, mailing)
            found = tx.ledger.deliveries(mailing, states=state or (), limit=limit + 1, after=after)
        shown = [
            DeliveryOut(
                chunk=one.chunk,
                place=one.place,
                subscriber=one.subscriber,
                language=one.locale,
                state=one.state,
                code=one.code,
                attempts=one.attempts,
                next_attempt_at=one.next_attempt_at,
            )
            for one in found[:limit]
        ]
        last = (shown[-1].chunk, shown[-1].place) if len(found) > limit else None
        return paging.page(shown, response, last)


def _doing(routes: APIRouter) -> None:
    @routes.post(
        "/v1/mailings/{mailing}/approve",
        name="approve_mailing",
        tags=["mailings"],
        dependencies=RUN,
        response_model=MailingOut,
    )
    def approve(call: Doing, mailing: Number) -> Response:
        """Let a mailing leave that waits for approval."""
        return _move(call, mailing, approve_mailing, "mailing.approved")

    @routes.post(
        "/v1/mailings/{mailing}/pause",
        name="pause_mailing",
        tags=["mailings"],
        dependencies=RUN,
        response_model=MailingOut,
    )
    def pause(call: Doing, mailing: Number) -> Response:
        """Let a mailing rest. Each sender finishes the mails that it has in hand; nothing is lost."""
        return _move(call, mailing, pause_mailing, "mailing.paused")

    @routes.post(
        "/v1/mailings/{mailing}/resume",
        name="resume_mailing",
        tags=["mailings"],
        dependencies=RUN,
        response_model=MailingOut,
    )
    def resume(call: Doing, mailing: Number) -> Response:
        """Let a paused mailing go on."""
        return _move(call, mailing, resume_mailing, "mailing.resumed")

    @routes.post(
        "/v1/mailings/{mailing}/cancel",
        name="cancel_mailing",
        tags=["mailings"],
        dependencies=RUN,
        response_model=CancelledOut,
    )
    def cancel(call: Doing, mailing: Number) -> Response:
        """What has not left never will; an edition's comes with the next one. This cannot be undone."""

        def work(tx: Transaction, now: datetime) -> Done:
            told, closed = cancel_mailing(tx, mailing, tx.now())
            call.note(tx, "mailing.cancelled", f"mailing/{mailing}")
            return Done(CancelledOut(mailing=MailingOut(**_facts(told)), chunks_left=closed.left))

        return call.do(work)

    @routes.post(
        "/v1/mailings/{mailing}/retry",
        name="retry_mailing",
        tags=["mailings"],
        dependencies=RUN,
        response_model=RetriedOut,
    )
    def retry(call: Doing, mailing: Number, which: RetryIn) -> Response:
        """Try deliveries again now: what is held back for staff, and what waits for its next attempt."""

        def work(tx: Transaction, now: datetime) -> Done:
            found = retry_mailing(tx, mailing, tx.now(), which.states)
            facts: Facts = {state.value: number for state, number in found.items()}
            call.note(tx, "mailing.retried", f"mailing/{mailing}", facts)
            return Done(RetriedOut(mailing=mailing, tried_again=dict(found)))

        return call.do(work)


def _move(call: Call, mailing: int, change: Callable[[Transaction, int, datetime], Mailing], action: str) -> Response:
    def work(tx: Transaction, now: datetime) -> Done:
        change(tx, mailing, tx.now())
        call.note(tx, action, f"mailing/{mailing}")
        return Done(MailingOut(**_facts(existing(tx, mailing))))

    return call.do(work)


def _facts(one: Mailing) -> dict[str, Any]:
    names = ("id", "edition", "digest", "cadence", "occasion", "state", "approval", "recipients", "skipped_empty")
    times = ("due_at", "planned_at", "started_at", "paused_at", "finished_at")
    campaign = CampaignOut(id=one.campaign.id, name=one.campaign.name) if one.campaign else None
    told = {name: getattr(one, name) for name in (*names, *times)} | {"story": one.correlation_id}
    return told | {"kind": "campaign" if campaign else "edition", "campaign": campaign}


def _progress_out(progress: MailingProgress, now: datetime) -> ProgressOut:
    left = progress.remaining(now)
    languages: Mapping[str, Mapping[DeliveryState, int]] = progress.languages
    return ProgressOut(
        **_facts(progress.mailing),
        deliveries=dict(progress.states),
        languages={locale: dict(states) for locale, states in languages.items()},
        settled=progress.settled,
        per_second=progress.rate(now),
        seconds_left=left.total_seconds() if left is not None else None,
    )
