"""Where staff come in, with a password and a code or by a one-time link, and where they go out.

The same page for a wrong password, a wrong code and an account that there is not. A GET changes nothing, so that
neither a scanner of mails nor a preview uses up a link.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.errors import NotFound
from tribune.domain.sign_in_delays import network_of, shown_network
from tribune.domain.staff_members import LinkPurpose, new_token
from tribune.services.staff.links import holder, sign_in_by_link
from tribune.services.staff.sessions import Browser, SignedIn, end_session
from tribune.services.staff.sign_in import DEVICE, Offered, Refused, sign_in
from web.forms import read_form
from web.newsroom.access import Access, needs_sign_in, safe_next, who_asks
from web.newsroom.cookies import DEVICE as DEVICE_COOKIE
from web.newsroom.cookies import DEVICE_LIFE, SESSION
from web.newsroom.frame import Newsroom
from web.pages import Pages


class Doors:
    """What all ways in share."""

    def __init__(self, app: Application, pages: Pages, access: Access) -> None:
        self.app = app
        self.frame = Newsroom(app, pages)
        self.cookies = access.cookies
        self.client = access.address_of

    def browser(self, request: Request) -> Browser:
        """Where somebody signs in from, for the list of their sessions."""
        agent = "".join(c for c in request.headers.get("user-agent", "") if c.isprintable())
        return Browser(agent[:200], shown_network(self.client(request)))

    def let_in(self, request: Request, who: SignedIn, to: str) -> Response:
        """On to a page, with the new session's cookie, and the one by which this browser is known again."""
        response = RedirectResponse(to, 303)
        self.keep(request, response, who)
        return response

    def keep(self, request: Request, response: Response, who: SignedIn) -> None:
        """Leave the session in the browser."""
        self.cookies.set(response, SESSION, who.token, self.app.session_rules.whole)
        device = self.app.signer.sign(DEVICE, who.staff.id, new_token()[:22].replace("_", "-"))
        self.cookies.set(response, DEVICE_COOKIE, device, DEVICE_LIFE)

    def home_of(self, who: SignedIn, locale: str) -> str:
        """Where somebody begins: the newsroom in their own language."""
        own = who.staff.locale if who.staff.locale in self.frame.pages.offered else locale
        return f"/{own}/newsroom/"

    def show(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
        """A page for who is not signed in."""
        return self.frame.show(request, template, "", status=status, **facts)


def router(app: Application, pages: Pages, access: Access) -> APIRouter:
    """`/{locale}/newsroom/sign-in`, with and without a one-time link, and `sign-out`."""
    routes = APIRouter()
    doors = Doors(app, pages, access)
    _sign_in(routes, doors, access)
    _by_link(routes, doors)

    @routes.post("/{locale}/newsroom/sign-out", dependencies=[needs_sign_in()])
    def leave(request: Request) -> Response:
        who = who_asks(request)
        with app.store.write() as tx:
            end_session(tx, who.staff, who.session.id, app.clock.now())
        response = RedirectResponse(f"{doors.frame.home(request)}/sign-in?out=1", 303)
        access.cookies.clear(response, SESSION)
        return response

    return routes


def _sign_in(routes: APIRouter, doors: Doors, access: Access) -> None:
    def page(request: Request, wanted: str, status: int = 200, **facts: Any) -> Response:
        told = {"wrong": False, "wait": 0, "address": "", "out": False, "failed": "", **facts}
        provider = doors.app.settings.staff.oidc if doors.app.settings.staff.oidc.issuer else None
        return doors.show(request, "sign_in.html", status=status, wanted=wanted, provider=provider, **told)

    @routes.get("/{locale}/newsroom/sign-in")
    def ask(request: Request) -> Response:
        wanted = safe_next(request.query_params.get("next", ""), "")
        who = access.signed_in(request)
        if who is not None:
            return RedirectResponse(wanted or doors.home_of(who, doors.frame.locale(request)), 303)
        failed = request.query_params.get("failed", "")
        return page(request, wanted, out=bool(request.query_params.get("out")), failed=failed)

    @routes.post("/{locale}/newsroom/sign-in")
    async def act(request: Request) -> Response:
        return await run_in_threadpool(attempt, request, await read_form(request))

    def attempt(request: Request, form: Mapping[str, str]) -> Response:
        app, locale = doors.app, doors.frame.locale(request)
        offered = Offered(
            address=form.get("address", "").strip()[:320],
            password=form.get("password", ""),
            code=form.get("code", "")[:40],
            network=network_of(doors.client(request)),
            device=doors.cookies.read(request, DEVICE_COOKIE),
        )
        wanted = safe_next(form.get("next", ""), "")
        found = sign_in(
            app.store,
            app.clock,
            app.passwords,
            app.vault,
            app.signer,
            offered,
            doors.browser(request),
            app.session_rules,
        )
        if isinstance(found, Refused):
            wait = max(round((found.until - app.clock.now()).total_seconds()), 1) if found.until else 0
            told = {"wrong": not wait, "wait": wait, "address": offered.address}
            response = page(request, wanted, 429 if wait else 422, **told)
            if wait:
                response.headers["retry-after"] = str(wait)
            return response
        return doors.let_in(request, found, wanted or doors.home_of(found, locale))


def _by_link(routes: APIRouter, doors: Doors) -> None:
    app = doors.app

    @routes.get("/{locale}/newsroom/sign-in/{token}")
    def look(request: Request, token: str) -> Response:
        try:
            with app.store.read() as tx:
                staff = holder(tx, token, LinkPurpose.SIGN_IN, app.clock.now())
        except NotFound:
            return doors.show(request, "link_over.html", status=404)
        return doors.show(request, "sign_in_link.html", name=staff.name)

    @routes.post("/{locale}/newsroom/sign-in/{token}")
    def use(request: Request, token: str) -> Response:
        locale = doors.frame.locale(request)
        try:
            with app.store.write() as tx:
                who = sign_in_by_link(tx, token, doors.browser(request), app.session_rules, app.clock.now())
        except NotFound:
            return doors.show(request, "link_over.html", status=404)
        return doors.let_in(request, who, doors.home_of(who, locale))
