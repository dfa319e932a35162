"""Subscribers: list, find, get, add, change, erase."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from tribune.domain.audience import Status, Subscriber
from tribune.domain.consent import ConsentSource
from tribune.domain.staff import Permission
from tribune.ports.store import Transaction
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.people.by import By
from tribune.services.people.find_people import existing
from tribune.services.people.help_person import erase_for_staff
from tribune.services.people.save_person import add_person, change_person
from web.api.access import needs_scope
from web.api.calls import Call, Doing, Done, IfMatch, IfNoneMatch, Looking, etag, tagged, unchanged_since
from web.api.cursors import Cursor, Limit, Page, Paging
from web.api.people_shapes import (
    AddressIn,
    PeopleOut,
    PersonChange,
    PersonIn,
    PersonOut,
    PersonRef,
    people_out,
)
from web.api.shapes import Number

READ = [needs_scope(Permission.READ_PEOPLE)]
CHANGE = [needs_scope(Permission.CHANGE_PEOPLE)]


def add(routes: APIRouter) -> None:
    """`/people`."""
    _reading(routes)
    _writing(routes)


def _reading(routes: APIRouter) -> None:
    @routes.get("/v1/people", tags=["people"], dependencies=READ)
    def list_people(
        call: Looking,
        response: Response,
        status: Annotated[Status | None, Query(description="Only of this status.")] = None,
        group: Annotated[str | None, Query(max_length=60, description="Only of this constituent group.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[PersonOut]:
        """Subscribers in order of their numbers."""
        paging = Paging(call.house.signer, call.request, limit, cursor)
        with call.house.store.read() as tx:
            found = tx.audience.page(limit + 1, after=paging.number or 0, status=status, group=group)
            shown = people_out(tx, found[:limit])
        if shown:
            call.looked("people.listed", "", {"people": len(shown), "first": shown[0].id, "last": shown[-1].id})
        return paging.page(shown, response, (shown[-1].id,) if len(found) > limit else None)

    @routes.post("/v1/people/find", tags=["people"], dependencies=READ)
    def find_people(call: Looking, wanted: AddressIn) -> PeopleOut:
        """The subscriber with an address, however its letters are written: one, or none."""
        with call.house.store.read() as tx:
            person = tx.audience.by_address(wanted.address.strip())
            shown = people_out(tx, [person] if person else [])
        if person:
            call.looked("person.seen", f"subscriber/{person.id}")
        return PeopleOut(data=shown)

    @routes.get("/v1/people/{person}", tags=["people"], dependencies=READ, response_model=PersonOut)
    def get_person(call: Looking, person: Number, if_none_match: IfNoneMatch = None) -> Response:
        """One subscriber. The header `ETag` names this state, for a change."""
        with call.house.store.read() as tx:
            told = _told(tx, existing(tx, person))
        call.looked("person.seen", f"subscriber/{person}")
        return tagged(told, if_none_match)


def _writing(routes: APIRouter) -> None:
    @routes.post(
        "/v1/people", name="add_person", tags=["people"], dependencies=CHANGE, status_code=201, response_model=PersonRef
    )
    def add_one(call: Doing, told: PersonIn) -> Response:
        """Add a subscriber who agreed elsewhere, with the ground on which they are written to. Nobody is asked to
        confirm: whoever is not sure lets the person sign up instead.

        Where a sign-up of that address still waits to be confirmed, what you tell takes its place: nothing of what the
        form said is kept, and the link that was mailed says that they are subscribed already and changes nothing. An
        address that is a subscriber's already, or unsubscribed, or on the suppression list is a conflict (409).
        """
        basis = told.basis.basis(call.house.clock.now())
        refresh_masks(call.house.store, call.house.codelists)

        def work(tx: Transaction, now: datetime) -> Done:
            house = call.house
            who = told.address.strip(), told.told()
            made = add_person(tx, *who, basis, by(call), house.digests, house.codelists, now)
            headers = {"location": f"/api/v1/people/{made.id}", "etag": etag(_told(tx, made))}
            return Done(PersonRef(id=made.id, status=made.status, changed=True), 201, headers)

        return call.do(work)

    @routes.patch(
        "/v1/people/{person}", name="change_person", tags=["people"], dependencies=CHANGE, response_model=PersonOut
    )
    def change_one(call: Looking, person: Number, told: PersonChange, if_match: IfMatch = None) -> Response:
        """Change what is told of a subscriber. Nothing is lost by it, and nothing comes twice. Their address is theirs
        to change."""
        refresh_masks(call.house.store, call.house.codelists)

        def work(tx: Transaction, now: datetime) -> Done:
            def seen(now_there: Subscriber) -> None:
                unchanged_since(if_match, _told(tx, now_there))

            house, reach_back = call.house, call.house.rules.pause_reach_back
            told_, who = told.told(), by(call)
            change_person(tx, person, told_, seen, who, house.digests, house.codelists, reach_back, now)
            shown = _told(tx, existing(tx, person))
            return Done(shown, headers={"etag": etag(shown)})

        return call.do(work)

    @routes.delete("/v1/people/{person}", tags=["people"], dependencies=CHANGE, status_code=204)
    def erase_person(call: Looking, person: Number, if_match: IfMatch = None) -> Response:
        """Erase a person: every row about them. Their address stays on the suppression list as a keyed hash, so that
        no import brings them back; they themselves can. This cannot be undone."""

        def work(tx: Transaction, now: datetime) -> Done:
            unchanged_since(if_match, _told(tx, existing(tx, person)))
            erase_for_staff(tx, person, by(call), now)
            return Done(status=204)

        return call.do(work)


def by(call: Call) -> By:
    """Who acts, as consent records and data requests name them."""
    return By(call.caller.actor, ConsentSource.API)


def _told(tx: Transaction, person: Subscriber) -> PersonOut:
    (told,) = people_out(tx, [person])
    return told
