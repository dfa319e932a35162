"""What somebody of the staff changes for themselves: language, password, second factor, where they are signed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.second_factor import shown_secret
from tribune.domain.staff_members import LinkPurpose
from tribune.services.staff.links import give_link
from tribune.services.staff.sessions import SignedIn, end_other_sessions, end_session
from tribune.services.staff.set_credentials import (
    basis_of_account,
    change_password,
    change_second_factor,
    offered_secret,
)
from web.forms import read_form
from web.newsroom.access import Access, needs_sign_in, who_asks
from web.newsroom.credential_forms import code_picture, told_errors
from web.newsroom.doors import Doors
from web.pages import Pages

ACCOUNT = "/{locale}/newsroom/account"
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
OWN_LINK = timedelta(minutes=15)


def router(app: Application, pages: Pages, access: Access) -> APIRouter:
    """`/{locale}/newsroom/account` and what is under it."""
    routes = APIRouter(dependencies=[needs_sign_in()])
    doors = Doors(app, pages, access)
    _overview(routes, doors)
    _password(routes, doors)
    _second_factor(routes, doors)
    return routes


def _overview(routes: APIRouter, doors: Doors) -> None:
    app = doors.app

    @routes.get(ACCOUNT)
    def account(request: Request) -> Response:
        who = who_asks(request)
        with app.store.read() as tx:
            sessions = tx.staff_sessions.of(who.staff.id)
            left = tx.staff.recovery_codes_left(who.staff.id)
        now = app.clock.now()
        still = [one for one in sessions if now < one.expires_at and now - one.seen_at < app.session_rules.idle]
        done = request.query_params.get("done", "")
        return doors.frame.show(
            request,
            "account.html",
            "account",
            sessions=still,
            recovery_codes_left=left,
            done=done,
            own=who.session.id,
        )

    @routes.post(ACCOUNT + "/language")
    async def language(request: Request) -> Response:
        return await run_in_threadpool(set_language, request, await read_form(request))

    def set_language(request: Request, form: Mapping[str, str]) -> Response:
        chosen = form.get("language", "")
        if chosen not in doors.frame.pages.offered:
            raise HTTPException(400)
        with app.store.write() as tx:
            tx.staff.set_locale(who_asks(request).staff.id, chosen)
        return RedirectResponse(f"/{chosen}/newsroom/account?done=language", 303)

    @routes.post(ACCOUNT + "/sessions")
    def end_others(request: Request) -> Response:
        with app.store.write() as tx:
            end_other_sessions(tx, who_asks(request), app.clock.now())
        return RedirectResponse(f"{doors.frame.home(request)}/account?done=sessions", 303)

    @routes.post(ACCOUNT + "/sessions/{number}")
    def end_one(request: Request, number: Number) -> Response:
        with app.store.write() as tx:
            end_session(tx, who_asks(request).staff, number, app.clock.now())
        return RedirectResponse(f"{doors.frame.home(request)}/account?done=sessions", 303)

    @routes.post(ACCOUNT + "/invitation")
    def invite_oneself(request: Request) -> Response:
        """Whoever came by a sign-in link, without a password, goes on to set one."""
        who = who_asks(request)
        if who.staff.has_password or who.staff.provider:
            raise HTTPException(404)
        with app.store.write() as tx:
            given = give_link(tx, who.staff, LinkPurpose.INVITATION, OWN_LINK, who.staff.actor, app.clock.now())
        return RedirectResponse(f"{doors.frame.home(request)}/invitation/{given.token}", 303)


def _password(routes: APIRouter, doors: Doors) -> None:
    app = doors.app

    def page(request: Request, error: InvalidInput | None = None) -> Response:
        if not who_asks(request).staff.has_password:
            raise HTTPException(404)
        errors = told_errors(error, app.translations.gettext(doors.frame.locale(request)))
        return doors.frame.show(request, "password.html", "account", status=422 if error else 200, errors=errors)

    @routes.get(ACCOUNT + "/password")
    def ask(request: Request) -> Response:
        return page(request)

    @routes.post(ACCOUNT + "/password")
    async def act(request: Request) -> Response:
        return await run_in_threadpool(change, request, await read_form(request))

    def change(request: Request, form: Mapping[str, str]) -> Response:
        try:
            who = change_password(
                *(app.store, app.clock, app.passwords, who_asks(request)),
                *(form.get("current", ""), form.get("password", "")),
                *(doors.browser(request), app.session_rules),
            )
        except InvalidInput as error:
            return page(request, error)
        return doors.let_in(request, who, f"{doors.frame.home(request)}/account?done=password")


def _second_factor(routes: APIRouter, doors: Doors) -> None:
    app = doors.app

    def offered(who: SignedIn) -> str:
        with app.store.read() as tx:
            kept = tx.staff.credentials(who.staff.id)
        if kept.password_hash is None:
            raise NotFound("There is no password that a second factor would stand beside.")
        return offered_secret(app.vault, basis_of_account(who, kept.second_factor))

    def page(request: Request, error: InvalidInput | None = None) -> Response:
        facts = {
            "secret": shown_secret(offered(who_asks(request))),
            "picture": f"{doors.frame.home(request)}/account/second-factor.svg",
            "errors": told_errors(error, app.translations.gettext(doors.frame.locale(request))),
        }
        return doors.frame.show(request, "second_factor.html", "account", status=422 if error else 200, **facts)

    @routes.get(ACCOUNT + "/second-factor")
    def ask(request: Request) -> Response:
        return page(request)

    @routes.get(ACCOUNT + "/second-factor.svg")
    def picture(request: Request) -> Response:
        who = who_asks(request)
        return code_picture(offered(who), who.staff.address, app.organisation.name(doors.frame.locale(request)))

    @routes.post(ACCOUNT + "/second-factor")
    async def act(request: Request) -> Response:
        return await run_in_threadpool(change, request, await read_form(request))

    def change(request: Request, form: Mapping[str, str]) -> Response:
        try:
            codes = change_second_factor(
                *(app.store, app.clock, app.passwords, app.vault, who_asks(request)),
                *(form.get("current", ""), form.get("code", "")[:40]),
            )
        except InvalidInput as error:
            return page(request, error)
        onward = f"{doors.frame.home(request)}/account?done=second-factor"
        return doors.frame.show(request, "recovery_codes.html", "account", codes=codes, onward=onward)
