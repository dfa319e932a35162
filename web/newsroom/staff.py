"""Staff as administrators see them: who is one, with which roles; invite, change, disable, reset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.staff import Permission, Role, permissions
from tribune.domain.staff_members import StaffMember
from tribune.ports.store import Transaction
from tribune.services.staff.change_staff import add_staff, change_roles, disable, enable, reset
from tribune.services.staff.links import GivenLink
from web.forms import Fields, read_fields
from web.newsroom.access import actor, needs
from web.newsroom.frame import Newsroom
from web.pages import Pages

STAFF = "/{locale}/newsroom/staff"
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class StaffPages:
    """The pages and what they need."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self.app = app
        self.frame = Newsroom(app, pages)
        self.life = timedelta(hours=app.settings.staff.invitation_hours)

    def one(self, tx: Transaction, number: int) -> StaffMember:
        """Somebody of the staff. Raises NotFound."""
        found = tx.staff.one(number)
        if found is None:
            raise NotFound("There is no such member of staff.")
        return found

    def form(
        self, request: Request, form: Fields, errors: Mapping[str, str] | None = None, status: int = 200
    ) -> Response:
        """The page that invites."""
        given = {name: form.one(name) for name in ("name", "address", "language")}
        given["language"] = given["language"] or self.frame.locale(request)
        facts = {"given": given, "chosen": form.all("roles"), "roles": Role, "errors": errors or {}}
        return self.frame.show(request, "staff_new.html", "staff", status=status, **facts)

    def person(
        self, request: Request, staff: StaffMember, errors: Mapping[str, str] | None = None, status: int = 200
    ) -> Response:
        """The page of one person."""
        with self.app.store.read() as tx:
            sessions = len(tx.staff_sessions.of(staff.id))
        facts = {"staff": staff, "sessions": sessions, "roles": Role, "may": permissions(staff.roles)}
        done = request.query_params.get("done", "")
        return self.frame.show(
            request, "staff_one.html", "staff", status=status, errors=errors or {}, done=done, **facts
        )

    def link(self, request: Request, given: GivenLink) -> Response:
        """The page that shows an invitation, once."""
        locale = given.staff.locale if given.staff.locale in self.frame.pages.offered else self.frame.locale(request)
        address = f"{self.app.base_url.rstrip('/')}/{locale}/newsroom/invitation/{given.token}"
        return self.frame.show(request, "staff_link.html", "staff", given=given, address=address)

    def said(self, request: Request, error: InvalidInput | Conflict) -> dict[str, str]:
        """Field -> what is wrong with it."""
        texts = self.app.translations.gettext(self.frame.locale(request))
        if isinstance(error, Conflict) and error.where == "roles":
            return {"roles": texts.gettext("Somebody must stay administrator. Make another person one first.")}
        if isinstance(error, Conflict):
            return {"address": texts.gettext("Somebody of the staff has this address already.")}
        said = {
            "address": texts.gettext("Enter an e-mail address, such as name@example.org."),
            "name": texts.gettext("Enter a name of at most 120 characters."),
            "roles": texts.gettext("Choose at least one role."),
        }
        return {error.where: said[error.where]}


def router(app: Application, pages: Pages) -> APIRouter:
    """`/{locale}/newsroom/staff` and what is under it."""
    routes = APIRouter(dependencies=[needs(Permission.MANAGE_STAFF)])
    staff_pages = StaffPages(app, pages)
    _looking(routes, staff_pages)
    _changing(routes, staff_pages)
    return routes


def _looking(routes: APIRouter, pages: StaffPages) -> None:
    app = pages.app

    @routes.get(STAFF)
    def everyone(request: Request) -> Response:
        with app.store.read() as tx:
            found = tx.staff.everyone()
        return pages.frame.show(request, "staff.html", "staff", people=found)

    @routes.get(STAFF + "/new")
    def ask(request: Request) -> Response:
        return pages.form(request, Fields())

    @routes.get(STAFF + "/{number}")
    def one(request: Request, number: Number) -> Response:
        with app.store.read() as tx:
            staff = pages.one(tx, number)
        return pages.person(request, staff)


def _changing(routes: APIRouter, pages: StaffPages) -> None:
    app = pages.app

    @routes.post(STAFF + "/new")
    async def invite(request: Request) -> Response:
        return await run_in_threadpool(add, request, await read_fields(request))

    def add(request: Request, form: Fields) -> Response:
        language = form.one("language")
        locale = language if language in pages.frame.pages.offered else pages.frame.locale(request)
        name, address = (form.one(field) for field in ("name", "address"))
        try:
            with app.store.write() as tx:
                given = add_staff(tx, address, name, locale, _roles(form), pages.life, actor(request), app.clock.now())
        except (InvalidInput, Conflict) as error:
            return pages.form(request, form, pages.said(request, error), 422)
        return pages.link(request, given)

    @routes.post(STAFF + "/{number}/roles")
    async def set_roles(request: Request, number: Number) -> Response:
        return await run_in_threadpool(give_roles, request, number, await read_fields(request))

    def give_roles(request: Request, number: int, form: Fields) -> Response:
        with app.store.read() as tx:
            staff = pages.one(tx, number)
        try:
            with app.store.write() as tx:
                change_roles(tx, pages.one(tx, number), _roles(form), actor(request), app.clock.now())
        except (InvalidInput, Conflict) as error:
            return pages.person(request, staff, pages.said(request, error), 422)
        return _back(pages, request, number, "roles")

    @routes.post(STAFF + "/{number}/disable")
    def stop(request: Request, number: Number) -> Response:
        with app.store.read() as tx:
            staff = pages.one(tx, number)
        try:
            with app.store.write() as tx:
                disable(tx, pages.one(tx, number), actor(request), app.clock.now())
        except Conflict as error:
            return pages.person(request, staff, pages.said(request, error), 422)
        return _back(pages, request, number, "disabled")

    @routes.post(STAFF + "/{number}/enable")
    def start(request: Request, number: Number) -> Response:
        with app.store.write() as tx:
            enable(tx, pages.one(tx, number), actor(request), app.clock.now())
        return _back(pages, request, number, "enabled")

    @routes.post(STAFF + "/{number}/reset")
    def begin_anew(request: Request, number: Number) -> Response:
        with app.store.write() as tx:
            staff = pages.one(tx, number)
            if not staff.active:
                raise NotFound("Who is disabled has nothing to sign in with.")
            given = reset(tx, staff, pages.life, actor(request), app.clock.now())
        return pages.link(request, given)


def _roles(form: Fields) -> list[Role]:
    known = {role.value: role for role in Role}
    return [known[word] for word in form.all("roles") if word in known]


def _back(pages: StaffPages, request: Request, number: int, done: str) -> Response:
    return RedirectResponse(f"{pages.frame.home(request)}/staff/{number}?done={done}", 303)
