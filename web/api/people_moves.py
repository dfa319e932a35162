"""Subscribers stop, come back, pause and go on; what they agreed to, what they were sent; who is never mailed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from tribune.domain.errors import Fault, InvalidInput
from tribune.domain.mailings import DeliveryState
from tribune.ports.store import Transaction
from tribune.services.audience.subscriber_cells import RefusedCell
from tribune.services.people import help_person
from tribune.services.people.find_people import existing
from tribune.services.people.suppress import look_up, put_on_list, take_off_list
from web.api.calls import Call, Doing, Done, Looking
from web.api.people import CHANGE, READ, by
from web.api.people_shapes import (
    AddressIn,
    AgainIn,
    ConsentOut,
    ConsentsOut,
    LiftIn,
    OfDigestIn,
    PauseIn,
    PersonRef,
    ReasonIn,
)
from web.api.shapes import Number, Out

Change = Callable[[Transaction, datetime], bool]


class SentOut(Out):
    """A mail to the person, as the ledger knows it."""

    mailing: int
    language: str
    state: DeliveryState
    code: str


class SentsOut(Out):
    """A person's deliveries, the newest mailing first."""

    data: list[SentOut]


class SuppressionOut(Out):
    """Whether an address is never mailed. The list keeps hashes only, and cannot be read."""

    suppressed: bool
    reason: str | None = Field(description="Why.")


def add(routes: APIRouter) -> None:
    """What is done with one person, and `/suppressions`."""
    _moves(routes)
    _looks(routes)
    _suppressions(routes)


def _moves(routes: APIRouter) -> None:
    @routes.post("/v1/people/{person}/unsubscribe", tags=["people"], dependencies=CHANGE, response_model=PersonRef)
    def unsubscribe_person(call: Doing, person: Number, which: OfDigestIn) -> Response:
        """Stop a digest, or everything. At once in effect, also for mailings that are running. To stop twice is to
        stop once."""

        def change(tx: Transaction, now: datetime) -> bool:
            return help_person.stop_person(tx, person, which.digest, by(call), now)

        return _move(call, person, change)

    @routes.post("/v1/people/{person}/resubscribe", tags=["people"], dependencies=CHANGE, response_model=PersonRef)
    def resubscribe_person(call: Doing, person: Number, which: AgainIn) -> Response:
        """Undo an unsubscription that the person wants undone: only they can, and `basis` says how they told you. It is
        a consent (no other kind brings anybody back), given no earlier than on the day of their last stop. Same
        choices, same rhythm; a pause in which they left holds until its day, and they are `paused` then."""
        basis = which.basis.basis(call.house.clock.now())

        def change(tx: Transaction, now: datetime) -> bool:
            reach_back = call.house.rules.pause_reach_back
            return help_person.bring_back(tx, person, which.digest, basis, reach_back, by(call), now)

        return _move(call, person, change)

    @routes.post("/v1/people/{person}/pause", tags=["people"], dependencies=CHANGE, response_model=PersonRef)
    def pause_person(call: Doing, person: Number, pause: PauseIn) -> Response:
        """Send nothing until a day. What comes meanwhile is made up for, at most 30 days of it (a setting)."""

        def change(tx: Transaction, now: datetime) -> bool:
            return help_person.pause_person(tx, person, pause.until, by(call), now)

        return _move(call, person, change)

    @routes.post("/v1/people/{person}/resume", tags=["people"], dependencies=CHANGE, response_model=PersonRef)
    def resume_person(call: Doing, person: Number) -> Response:
        """End a pause."""

        def change(tx: Transaction, now: datetime) -> bool:
            return help_person.resume_person(tx, person, call.house.rules.pause_reach_back, by(call), now)

        return _move(call, person, change)


def _looks(routes: APIRouter) -> None:
    @routes.get("/v1/people/{person}/consents", tags=["people"], dependencies=READ)
    def list_consents(call: Looking, person: Number) -> ConsentsOut:
        """What a person agreed to and took back, when, and through which door."""
        with call.house.store.read() as tx:
            existing(tx, person)
            records = tx.consents.of(person)
        call.looked("person.seen", f"subscriber/{person}")
        return ConsentsOut(
            data=[
                ConsentOut(
                    act=one.act.value,
                    at=one.at,
                    source=one.source.value,
                    by=one.by,
                    basis=one.basis,
                    text_version=one.text_version,
                    network=one.network,
                    agreed=dict(one.agreed),
                )
                for one in records
            ]
        )

    @routes.get("/v1/people/{person}/deliveries", tags=["people"], dependencies=READ)
    def list_mails_of_person(
        call: Looking,
        person: Number,
        limit: Annotated[int, Query(ge=1, le=200, description="How many, at most.")] = 50,
    ) -> SentsOut:
        """What a person was sent last, and what became of it; as long as the ledger keeps it."""
        with call.house.store.read() as tx:
            existing(tx, person)
            found = tx.ledger.deliveries_to(person, limit=limit)
        call.looked("person.seen", f"subscriber/{person}")
        return SentsOut(
            data=[SentOut(mailing=one.mailing, language=one.locale, state=one.state, code=one.code) for one in found]
        )


def _suppressions(routes: APIRouter) -> None:
    @routes.post("/v1/suppressions/check", tags=["suppressions"], dependencies=READ)
    def check_suppression(call: Looking, wanted: AddressIn) -> SuppressionOut:
        """Whether an address is never mailed, and why. That somebody asked is written down, without the address."""
        with _address(), call.house.store.write() as tx:
            found = look_up(tx, wanted.address, call.caller.actor, call.house.clock.now())
        return SuppressionOut(suppressed=found is not None, reason=found.reason if found else None)

    @routes.post(
        "/v1/suppressions", tags=["suppressions"], dependencies=CHANGE, status_code=201, response_model=SuppressionOut
    )
    def add_suppression(call: Doing, told: ReasonIn) -> Response:
        """Never mail an address again. The list keeps a keyed hash only; the first reason stays, but
        where the person's own wish comes after one about the address. A subscriber who
        asked for it (`asked_by_phone_or_letter`) is unsubscribed from everything."""

        def work(tx: Transaction, now: datetime) -> Done:
            put_on_list(tx, told.address, told.reason, by(call), now)
            reason = tx.audience.suppressed([told.address]).get(told.address)
            return Done(SuppressionOut(suppressed=True, reason=reason), 201)

        with _address():
            return call.do(work)

    @routes.post("/v1/suppressions/lift", tags=["suppressions"], dependencies=CHANGE, response_model=SuppressionOut)
    def lift_suppression(call: Doing, told: LiftIn) -> Response:
        """Let an address be mailed again that was on the list because of the address itself, and has been mended. A
        complaint or a person's own wish is undone by them alone."""

        def work(tx: Transaction, now: datetime) -> Done:
            take_off_list(tx, told.address, told.why, call.caller.actor, now)
            return Done(SuppressionOut(suppressed=False, reason=None))

        with _address():
            return call.do(work)


@contextmanager
def _address() -> Iterator[None]:
    try:
        yield
    except RefusedCell as error:
        raise InvalidInput(error.reason, faults=[Fault("/address", error.reason, error.hint)]) from None


def _move(call: Call, person: int, change: Change) -> Response:
    def work(tx: Transaction, now: datetime) -> Done:
        changed = change(tx, now)
        return Done(PersonRef(id=person, status=existing(tx, person).status, changed=changed))

    return call.do(work)
