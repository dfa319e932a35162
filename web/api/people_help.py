"""What a person may ask for by telephone or letter: their data, and a link with which they change everything."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response

from tribune.ports.store import Transaction
from tribune.services.people import help_person
from tribune.services.people.find_people import existing
from web.api.access import JSON
from web.api.calls import Doing, Done, Looking
from web.api.people import CHANGE, by
from web.api.people_shapes import PersonRef
from web.api.shapes import Number


def add(routes: APIRouter) -> None:
    """`/people/{person}/export` and `/people/{person}/link`."""

    @routes.post("/v1/people/{person}/export", tags=["people"], dependencies=CHANGE, response_model=dict[str, Any])
    def export_person(call: Looking, person: Number) -> Response:
        """Everything that is held about a person, as they would get it themselves: for a request that came by telephone
        or letter. It counts as a data request that was answered; the answer is not kept for an idempotency key."""
        house = call.house
        with house.store.write() as tx:
            told = help_person.export_person(tx, person, house.every_digest, by(call), house.clock.now())
        text = json.dumps(told, ensure_ascii=False, default=str)
        return Response(text, media_type=JSON, headers={"cache-control": "no-store"})

    @routes.post(
        "/v1/people/{person}/link", tags=["people"], dependencies=CHANGE, response_model=PersonRef, status_code=202
    )
    def send_link(call: Doing, person: Number) -> Response:
        """Send a person a link to their preferences: a few times an hour at most, after that it is a conflict, as it is
        while their address is on the suppression list."""

        def work(tx: Transaction, now: datetime) -> Done:
            help_person.send_link(tx, person, call.house.rules, by(call), now)
            return Done(PersonRef(id=person, status=existing(tx, person).status, changed=False), 202)

        return call.do(work)
