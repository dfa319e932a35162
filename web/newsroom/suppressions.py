"""The suppression list in the newsroom: how long it is, whether an address is on it, and what may be changed."""

from __future__ import annotations

import io
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, NotFound
from tribune.domain.staff import Permission
from tribune.domain.suppressions import ABOUT_THE_ADDRESS
from tribune.services.audience.subscriber_cells import RefusedCell
from tribune.services.people.by import By
from tribune.services.people.suppress import (
    REASONS,
    export_reasons,
    look_up,
    put_on_list,
    take_off_list,
)
from web import forms
from web.newsroom.access import actor, may, needs
from web.newsroom.frame import Newsroom
from web.newsroom.people_words import PeopleWords
from web.pages import Pages

PLACE = "people"


def router(app: Application, pages: Pages) -> APIRouter:
    """The page, what it does, and its export. An address is asked for by POST: it stands in no log of addresses."""
    routes = APIRouter(dependencies=[needs(Permission.READ_PEOPLE)])
    frame = Newsroom(app, pages)

    def show(request: Request, status: int = 200, **facts: Any) -> Response:
        with app.store.read() as tx:
            numbers = tx.people.suppressed()
        told = {"address": "", "asked": False, "listed": None, "done": "", "errors": {}, "liftable": ABOUT_THE_ADDRESS}
        words = PeopleWords(app.translations.gettext(frame.locale(request)))
        told |= {"told": words, "numbers": numbers, "reasons": [(name, words.reason(name)) for name in REASONS]}
        told["may_change"] = may(request, Permission.CHANGE_PEOPLE)
        return frame.show(request, "suppressions.html", PLACE, status=status, **(told | facts))

    def do(request: Request, act: str, fields: forms.Fields) -> Response:
        texts = app.translations.gettext(frame.locale(request))
        address, now, by = fields.one("address").strip()[:320], app.clock.now(), actor(request)
        try:
            with app.store.write() as tx:
                if act == "look":
                    listed = look_up(tx, address, by, now)
                    return_facts: dict[str, Any] = {"asked": True, "listed": listed}
                elif act == "add":
                    put_on_list(tx, address, fields.one("reason"), By(by), now)
                    return_facts = {"done": "added"}
                else:
                    take_off_list(tx, address, fields.one("why").strip(), by, now)
                    return_facts = {"done": "lifted"}
        except RefusedCell:
            wrong = texts.gettext("This is not an e-mail address. Use the form name@example.org.")
            field = "address" if act != "add" else "new-address"
            return show(request, 422, errors={field: wrong}, address=address)
        except NotFound:
            return show(request, 404, asked=True, address=address)
        except Conflict:
            wrong = texts.gettext("Only the person themselves can undo this, by subscribing again.")
            return show(request, 409, errors={"address": wrong}, address=address)
        return show(request, address=address if act == "look" else "", **return_facts)

    @routes.get("/{locale}/newsroom/suppressions")
    def suppressions(request: Request) -> Response:
        return show(request)

    @routes.get("/{locale}/newsroom/suppressions/export")
    def export(request: Request) -> Response:
        frame.locale(request)
        out = io.StringIO()
        with app.store.write() as tx:
            facts = {"entries": export_reasons(tx, out)}
            tx.audit.add(actor(request), "suppression.exported", "", facts, app.clock.now())
        headers = {"content-disposition": 'attachment; filename="suppressions.csv"', "cache-control": "no-store"}
        return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    @routes.post("/{locale}/newsroom/suppressions/look")
    async def look(request: Request) -> Response:
        return await run_in_threadpool(do, request, "look", await forms.read_fields(request))

    @routes.post("/{locale}/newsroom/suppressions/add", dependencies=[needs(Permission.CHANGE_PEOPLE)])
    async def add(request: Request) -> Response:
        return await run_in_threadpool(do, request, "add", await forms.read_fields(request))

    @routes.post("/{locale}/newsroom/suppressions/lift", dependencies=[needs(Permission.CHANGE_PEOPLE)])
    async def lift(request: Request) -> Response:
        return await run_in_threadpool(do, request, "lift", await forms.read_fields(request))

    return routes
