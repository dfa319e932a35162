"""An invitation: set a password and a second factor, then see the recovery codes once."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.second_factor import shown_secret
from tribune.domain.staff_members import LinkPurpose, StaffMember, token_hash
from tribune.services.staff.links import holder
from tribune.services.staff.set_credentials import accept_invitation, offered_secret
from web.forms import read_form
from web.newsroom.access import Access
from web.newsroom.credential_forms import code_picture, told_errors
from web.newsroom.doors import Doors
from web.pages import Pages

INVITATION = "/{locale}/newsroom/invitation/{token}"


def router(app: Application, pages: Pages, access: Access) -> APIRouter:
    """`/{locale}/newsroom/invitation/TOKEN` and the picture of its code."""
    routes = APIRouter()
    doors = Doors(app, pages, access)

    def invited(token: str) -> StaffMember:
        with app.store.read() as tx:
            return holder(tx, token, LinkPurpose.INVITATION, app.clock.now())

    def page(request: Request, token: str, staff: StaffMember, error: InvalidInput | None = None) -> Response:
        texts = app.translations.gettext(doors.frame.locale(request))
        return doors.show(
            request,
            "invitation.html",
            status=422 if error else 200,
            staff=staff,
            secret=shown_secret(offered_secret(app.vault, token_hash(token))),
            picture=f"{request.url.path}/code.svg",
            errors=told_errors(error, texts),
        )

    @routes.get(INVITATION)
    def look(request: Request, token: str) -> Response:
        try:
            return page(request, token, invited(token))
        except NotFound:
            return doors.show(request, "link_over.html", status=404)

    @routes.get(INVITATION + "/code.svg")
    def picture(request: Request, token: str) -> Response:
        locale = doors.frame.locale(request)
        secret = offered_secret(app.vault, token_hash(token))
        return code_picture(secret, invited(token).address, app.organisation.name(locale))

    @routes.post(INVITATION)
    async def act(request: Request, token: str) -> Response:
        return await run_in_threadpool(accept, request, token, await read_form(request))

    def accept(request: Request, token: str, form: Mapping[str, str]) -> Response:
        locale = doors.frame.locale(request)
        try:
            staff = invited(token)
            joined = accept_invitation(
                *(app.store, app.clock, app.passwords, app.vault),
                *(token, form.get("password", ""), form.get("code", "")[:40]),
                *(doors.browser(request), app.session_rules),
            )
        except InvalidInput as error:
            return page(request, token, staff, error)
        except NotFound:
            return doors.show(request, "link_over.html", status=404)
        codes, home = joined.recovery_codes, doors.home_of(joined.signed_in, locale)
        response = doors.show(request, "recovery_codes.html", codes=codes, onward=home)
        doors.keep(request, response, joined.signed_in)
        return response

    return routes
