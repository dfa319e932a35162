"""What was done and asked for: the audit log, requests about data, and who works in the newsroom."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from tribune.domain.audit import AuditFilter
from tribune.domain.staff import Permission, Role
from tribune.ports.data_requests import RequestKind, RequestState
from tribune.services.audit.verify_audit import verify_audit
from web.api.access import needs_scope
from web.api.calls import Looking
from web.api.cursors import Cursor, Limit, Page, Paging
from web.api.moments import AnInstant
from web.api.shapes import LARGEST, Out

Name = Annotated[str | None, Query(max_length=100)]
Instant = Annotated[AnInstant | None, Query(description="An instant with its zone: 2026-11-23T06:00:00Z.")]


class EntryOut(Out):
    """An entry of the audit log, sealed with the one before it. People are numbers."""

    number: int
    at: datetime
    actor: str = Field(description="`staff/3`, `token/2`, `subscriber/31`, `system` or `cli`.")
    action: str
    about: str
    facts: dict[str, str | int | bool | None]
    before: str = Field(description="The seal of the entry before.")
    seal: str


class VerdictOut(Out):
    """Whether the audit log is whole."""

    whole: bool
    entries: int
    head: str = Field(description="The seal of the last entry that holds. Note it elsewhere, to ask with `expected`.")
    broken: int | None = Field(description="The first number at which the chain breaks.")
    why: str


class DataRequestOut(Out):
    """What somebody asked for about their data."""

    id: int
    subscriber: int = Field(description="Their number, which outlives them.")
    kind: RequestKind
    state: RequestState
    created_at: datetime
    settled_at: datetime | None
    by: str = Field(description="`self`, `cli`, or who it was: `staff:7`, `token:12`.")


class MemberOfStaffOut(Out):
    """Somebody who works in the newsroom. They are managed on its pages alone."""

    id: int
    name: str
    address: str
    locale: str
    roles: list[Role]
    active: bool
    created_at: datetime
    last_sign_in_at: datetime | None


class StaffOut(Out):
    """Everybody who works in the newsroom, by name."""

    data: list[MemberOfStaffOut]


def add(routes: APIRouter) -> None:
    """`/audit`, `/data-requests`, `/staff`."""
    _audit(routes)
    _others(routes)


def _audit(routes: APIRouter) -> None:
    reading = [needs_scope(Permission.READ_AUDIT)]

    @routes.get("/v1/audit", tags=["audit"], dependencies=reading)
    def list_audit_entries(
        call: Looking,
        response: Response,
        actor: Name = None,
        action: Name = None,
        about: Name = None,
        since: Instant = None,
        until: Instant = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[EntryOut]:
        """Entries of the audit log, the newest first. `action` may be a group: `sign_in` is all that begin so."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        wanted = AuditFilter(actor or "", about or "", action or "", since, until)
        with call.house.store.read() as tx:
            found = tx.audit.newest(limit + 1, wanted, paging.number)
        shown = [
            EntryOut(
                number=one.number,
                at=one.at,
                actor=one.actor,
                action=one.action,
                about=one.about,
                facts=dict(one.facts),
                before=one.before,
                seal=one.seal,
            )
            for one in found[:limit]
        ]
        return paging.page(shown, response, (shown[-1].number,) if len(found) > limit else None)

    @routes.get("/v1/audit/verification", tags=["audit"], dependencies=reading)
    def verify_audit_log(
        call: Looking,
        expected: Annotated[
            str, Query(pattern="^([0-9a-f]{64})?$", description="A seal that was noted, which must be in the chain.")
        ] = "",
    ) -> VerdictOut:
        """Follow the chain of the audit log from its first entry, and tell where it breaks. It reads all of it."""
        with call.house.store.read() as tx:
            told = verify_audit(tx, expected)
        return VerdictOut(whole=told.whole, entries=told.entries, head=told.head, broken=told.broken, why=told.why)


def _others(routes: APIRouter) -> None:
    @routes.get("/v1/data-requests", tags=["data requests"], dependencies=[needs_scope(Permission.READ_PEOPLE)])
    def list_data_requests(
        call: Looking,
        response: Response,
        kind: Annotated[RequestKind | None, Query(description="Only of this kind.")] = None,
        state: Annotated[RequestState | None, Query(description="Only in this state.")] = None,
        subscriber: Annotated[int | None, Query(ge=1, le=LARGEST, description="Only of this person.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[DataRequestOut]:
        """What people asked for about their data, the newest first. To erase somebody is DELETE of the person."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        with call.house.store.read() as tx:
            found = tx.data_requests.recent(
                kinds=[kind] if kind else (),
                states=[state] if state else (),
                subscriber=subscriber,
                before=paging.number,
                limit=limit + 1,
            )
        shown = [
            DataRequestOut(
                id=one.id,
                subscriber=one.subscriber,
                kind=one.kind,
                state=one.state,
                created_at=one.created_at,
                settled_at=one.settled_at,
                by=one.by,
            )
            for one in found[:limit]
        ]
        return paging.page(shown, response, (shown[-1].id,) if len(found) > limit else None)

    @routes.get("/v1/staff", tags=["staff"], dependencies=[needs_scope(Permission.MANAGE_STAFF)])
    def list_staff(call: Looking) -> StaffOut:
        """Who works in the newsroom, and in which roles."""
        with call.house.store.read() as tx:
            everyone = tx.staff.everyone()
        return StaffOut(
            data=[
                MemberOfStaffOut(
                    id=one.id,
                    name=one.name,
                    address=one.address,
                    locale=one.locale,
                    roles=sorted(one.roles),
                    active=one.active,
                    created_at=one.created_at,
                    last_sign_in_at=one.last_sign_in_at,
                )
                for one in everyone
            ]
        )
