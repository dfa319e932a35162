"""What is a person's own, behind a link that was just sent to their address: what they were sent, all that is held
about them, their address, being erased (decisions.md, 29). And the two links of a change of address.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.audience import Subscriber
from tribune.domain.errors import InvalidInput
from tribune.ports.data_requests import BY_THEMSELVES
from tribune.services.audience.change_address import (
    AddressChange,
    ask_for_address,
    confirm_address,
    look_at_change,
    look_at_stop,
    stop_change,
)
from tribune.services.audience.erase_person import erase_person, was_erased
from tribune.services.audience.export_my_data import export_my_data
from tribune.services.audience.list_sent import list_sent, show_sent
from tribune.services.desk.read_mail import for_a_frame, read_mail
from tribune.services.notices.notice_links import CONFIRM_ADDRESS, DATA, STOP_ADDRESS, mark_of, read_data_link
from tribune.services.segments.note_visit import note_visit
from web.clients import ClientNetwork
from web.forms import read_form
from web.pages import Pages
from web.public.links import no_link, reader_locale, whole
from web.security import MAIL_CSP

MOST_PAGES = 500


class Over(Exception):
    """The link was good, and is not any more. `erased`: because its person is."""

    def __init__(self, *, erased: bool = False) -> None:
        self.erased = erased


class MyData:
    """Reads the links and shows the pages."""

    def __init__(self, app: Application, pages: Pages, network_of: ClientNetwork) -> None:
        self._app = app
        self._pages = pages
        self._network_of = network_of

    # -- the link

    def whose(self, token: str) -> tuple[Subscriber, str]:
        """The person, and the digest that the link came from. Raises NotFound for a forged link, Over for one whose
        time is past, whose person is gone, or who has another address by now."""
        app = self._app
        try:
            subscriber, digest, mark = read_data_link(app.signer, whole(token), app.clock.now())
        except (InvalidInput, ValueError):
            try:
                app.signer.verify(DATA, whole(token))
            except InvalidInput:
                raise no_link() from None
            raise Over from None
        with app.store.read() as tx:
            person = tx.audience.one(subscriber)
            erased = person is None and was_erased(tx, subscriber)
        if erased:
            raise Over(erased=True)
        if person is None or mark_of(app.signer, person.address) != mark:
            raise Over
        return person, digest

    def over(self, request: Request, why: Over) -> Response:
        locale = reader_locale(self._app, self._pages, request, ())
        if why.erased:
            # Pressed twice, the button has done what it says.
            status = 200 if request.method == "POST" and request.url.path.endswith("/delete") else 410
            return self._pages.render(locale, "public/my_data_delete.html", status=status, erased=True)
        return self._pages.render(locale, "public/link_over.html", status=410, path=request.url.path)

    # -- pages

    def start(self, token: str, request: Request, *, status: int = 0, **facts: Any) -> Response:
        person, _ = self.whose(token)
        with self._app.store.read() as tx:
            waits = tx.data_requests.new_address(person.id)
        done = request.query_params.get("done", "")
        told = {
            "errors": {},
            "typed": "",
            "done": done if done in ("address",) else "",
            "waits": waits,
            "minutes": self._app.settings.security.fresh_link_minutes,
            **facts,
        }
        return self._page(request, token, person, "my_data.html", status or (422 if told["errors"] else 200), **told)

    def sent(self, token: str, request: Request) -> Response:
        """What they were sent."""
        person, _ = self.whose(token)
        page = _page_number(request)
        with self._app.store.read() as tx:
            mails, more = list_sent(tx, person.id, page)
        return self._page(request, token, person, "my_data_sent.html", mails=mails, page=page, more=more)

    def mail(self, token: str, name: str, request: Request, *, body: bool) -> Response:
        """One of their mails, in its frame; its body is what the frame shows, gone (410) where all of it was withdrawn.
        Raises NotFound."""
        person, _ = self.whose(token)
        app = self._app
        with app.store.read() as tx:
            shown = show_sent(tx, person.id, name, app.digest, app.composer, app.reader_links)
        mail = read_mail(shown.content) if shown.content is not None else None
        if body and mail is not None:
            framed = {"content-security-policy": MAIL_CSP, "x-frame-options": "SAMEORIGIN"}
            return HTMLResponse(for_a_frame(mail.html), headers=framed)
        status = 410 if body else 200
        return self._page(request, token, person, "my_data_mail.html", status, mail=mail, shown=shown, name=name)

    def export(self, token: str) -> Response:
        """All that is held about them, as a file."""
        person, _ = self.whose(token)
        app = self._app
        with app.store.write() as tx:
            note_visit(tx, person.id, app.clock.now())
            told, _ = export_my_data(tx, person.id, app.every_digest, BY_THEMSELVES, app.clock.now())
        text = json.dumps(told, ensure_ascii=False, indent=1, default=str)
        headers = {"content-disposition": f'attachment; filename="my-data-{app.clock.now():%Y-%m-%d}.json"'}
        return Response(text, media_type="application/json", headers=headers)

    def change_address(self, token: str, request: Request, typed: str) -> Response:
        person, digest = self.whose(token)
        app = self._app
        texts = app.translations.gettext(self._locale(request, person))
        if not typed.strip():
            error = texts.gettext("Please enter your e-mail address.")
            return self.start(token, request, errors={"address": error})
        try:
            with app.store.write() as tx:
                note_visit(tx, person.id, app.clock.now())
                network = self._network_of(request)
                asked = ask_for_address(tx, person.id, typed, digest, app.sign_ups, app.clock.now(), network)
        except InvalidInput as wrong:
            same = wrong.what == "This is the address that we have."
            error = texts.gettext("Your mails come to this address already.")
            if not same:
                error = texts.gettext("Please check the address: it looks like name@example.org.")
            return self.start(token, request, errors={"address": error}, typed=typed[:320])
        if asked is None:
            error = texts.gettext(
                "A change of address was asked for several times already. "
                "Please answer the mails that we have sent, or ask again tomorrow."
            )
            return self.start(token, request, status=429, errors={"address": error}, typed=typed[:320])
        return RedirectResponse(f"/m/{token}?{urlencode({'done': 'address'} | self._asked(request))}", 303)

    def ask_to_erase(self, token: str, request: Request) -> Response:
        person, _ = self.whose(token)
        return self._page(request, token, person, "my_data_delete.html", erased=False)

    def erase(self, token: str, request: Request) -> Response:
        person, _ = self.whose(token)
        app = self._app
        erase_person(app.store, app.email, person.id, BY_THEMSELVES, app.clock.now())
        return self._page(request, token, person, "my_data_delete.html", erased=True)

    # -- the links of a change of address

    def address_link(self, purpose: str, token: str, request: Request, *, act: bool) -> Response:
        """The page behind the link that confirms, or that stops; with `act` it is done."""
        app = self._app
        try:
            subscriber, number = map(int, app.signer.verify(purpose, whole(token)))
        except (InvalidInput, ValueError):
            raise no_link() from None
        good_for = timedelta(hours=app.settings.security.address_change_hours)
        now = app.clock.now()
        acted = False
        if act:
            with app.store.write() as tx:
                if purpose == CONFIRM_ADDRESS:
                    acted = confirm_address(tx, subscriber, number, good_for, now, self._network_of(request))
                else:
                    acted = stop_change(tx, subscriber, number, now)
        with app.store.read() as tx:
            look = look_at_change if purpose == CONFIRM_ADDRESS else look_at_stop
            stands: AddressChange = look(tx, subscriber, number, good_for, now)
            person = tx.audience.one(subscriber)
        locale = reader_locale(app, self._pages, request, person.languages if person else ())
        return self._pages.render(
            locale,
            "public/address.html",
            confirming=purpose == CONFIRM_ADDRESS,
            acted=acted,
            failed=act and not acted,
            stands=stands,
            path=request.url.path,
        )

    # -- what they share

    def _page(
        self, request: Request, token: str, person: Subscriber, template: str, status: int = 200, **facts: Any
    ) -> Response:
        asked = self._asked(request)
        return self._pages.render(
            self._locale(request, person),
            f"public/{template}",
            status=status,
            person=person,
            base=f"/m/{token}",
            path=request.url.path,
            query=f"?{urlencode(asked)}" if asked else "",
            **facts,
        )

    def _locale(self, request: Request, person: Subscriber) -> str:
        return reader_locale(self._app, self._pages, request, person.languages)

    def _asked(self, request: Request) -> dict[str, str]:
        asked = request.query_params.get("in", "")
        return {"in": asked} if asked in self._pages.offered else {}


def router(app: Application, pages: Pages, network_of: ClientNetwork) -> APIRouter:
    """`/m/TOKEN` and what stands under it, `/a/TOKEN`, `/n/TOKEN`."""
    routes = APIRouter()
    mine = MyData(app, pages, network_of)

    def shown(request: Request, page: Callable[[], Response]) -> Response:
        try:
            return page()
        except Over as why:
            return mine.over(request, why)

    @routes.get("/m/{token}")
    def start(token: str, request: Request) -> Response:
        return shown(request, lambda: mine.start(token, request))

    @routes.post("/m/{token}")
    async def act(token: str, request: Request) -> Response:
        form = await read_form(request)
        do = form.get("do", "")

        def page() -> Response:
            if do == "export":
                return mine.export(token)
            if do == "address":
                return mine.change_address(token, request, form.get("address", ""))
            return mine.start(token, request)

        return await run_in_threadpool(shown, request, page)

    @routes.get("/m/{token}/sent")
    def sent(token: str, request: Request) -> Response:
        return shown(request, lambda: mine.sent(token, request))

    @routes.get("/m/{token}/sent/{name}")
    def mail(token: str, name: str, request: Request) -> Response:
        return shown(request, lambda: mine.mail(token, name, request, body=False))

    @routes.get("/m/{token}/sent/{name}/body")
    def body(token: str, name: str, request: Request) -> Response:
        return shown(request, lambda: mine.mail(token, name, request, body=True))

    @routes.get("/m/{token}/delete")
    def ask_to_erase(token: str, request: Request) -> Response:
        return shown(request, lambda: mine.ask_to_erase(token, request))

    @routes.post("/m/{token}/delete")
    async def erase(token: str, request: Request) -> Response:
        form = await read_form(request)
        page = mine.erase if form.get("do") == "delete" else mine.ask_to_erase
        return await run_in_threadpool(shown, request, lambda: page(token, request))

    for path, purpose in (("a", CONFIRM_ADDRESS), ("n", STOP_ADDRESS)):
        _add_address_link(routes, mine, path, purpose)
    return routes


def _add_address_link(routes: APIRouter, mine: MyData, path: str, purpose: str) -> None:
    @routes.get(f"/{path}/{{token}}")
    def look(token: str, request: Request) -> Response:
        return mine.address_link(purpose, token, request, act=False)

    @routes.post(f"/{path}/{{token}}")
    async def act(token: str, request: Request) -> Response:
        form = await read_form(request)
        return await run_in_threadpool(lambda: mine.address_link(purpose, token, request, act=form.get("do") == "yes"))


def _page_number(request: Request) -> int:
    word = request.query_params.get("page", "1")
    return min(int(word), MOST_PAGES) if word.isascii() and word.isdigit() and 0 < len(word) < 6 and int(word) else 1
