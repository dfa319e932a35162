"""People in the newsroom: find somebody, see one person, and help them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.staff import Permission
from tribune.ports.data_requests import OPEN, RequestKind
from tribune.ports.store import Transaction
from tribune.rendering.receiving import Receiving
from tribune.services.people import help_person
from tribune.services.people.by import By
from tribune.services.people.find_people import find_people
from tribune.services.people.save_person import Told, change_person
from tribune.services.people.see_person import see_person
from web import forms
from web.newsroom.access import actor, may, needs
from web.newsroom.frame import Newsroom
from web.newsroom.people_words import PeopleWords
from web.pages import Pages

PLACE = "people"
REQUESTS = 100

Text = Annotated[str, Query(max_length=320)]
Id = Annotated[int, Path(ge=1, lt=2**31)]
Act = Annotated[str, Path(pattern="^(link|stop|pause|facts|suppress|erase)$")]


def router(app: Application, pages: Pages) -> APIRouter:
    """All pages about people."""
    routes = APIRouter(dependencies=[needs(Permission.READ_PEOPLE)])
    desk = PeoplePages(app, pages)

    @routes.get("/{locale}/newsroom/people")
    def people(request: Request, q: Text = "", gone: Text = "") -> Response:
        with app.store.read() as tx:
            found = find_people(tx, q)
            count = sum(tx.audience.count().values())
        if q.strip():
            with app.store.write() as tx:  # what was asked for may be an address: it is not written down
                tx.audit.add(actor(request), "people.searched", "", {"found": len(found.people)}, app.clock.now())
        return desk.show(request, "people.html", found=found, q=q.strip(), count=count, gone=bool(gone))

    @routes.get("/{locale}/newsroom/people/{id}")
    def person(request: Request, id: Id, done: Text = "") -> Response:
        return desk.person(request, id, done=done)

    @routes.post("/{locale}/newsroom/people/{id}/{act}", dependencies=[needs(Permission.CHANGE_PEOPLE)])
    async def change(request: Request, id: Id, act: Act) -> Response:
        fields = await forms.read_fields(request)
        return await run_in_threadpool(desk.change, request, id, act, fields)

    @routes.get("/{locale}/newsroom/data-requests")
    def requests(request: Request) -> Response:
        with app.store.read() as tx:
            waiting = tx.data_requests.recent(states=OPEN, limit=REQUESTS)
            recent = [one for one in tx.data_requests.recent(limit=REQUESTS) if one.state not in OPEN]
        return desk.show(request, "data_requests.html", waiting=waiting, recent=recent, now=app.clock.now())

    return routes


class PeoplePages:
    """Shows the pages, and does what they ask."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self._app = app
        self._frame = Newsroom(app, pages)
        self._pages = pages

    def person(
        self, request: Request, id: int, *, done: str = "", errors: dict[str, str] | None = None, status: int = 200
    ) -> Response:
        """One person. That somebody has looked is written down."""
        with self._app.store.write() as tx:
            seen = see_person(tx, id, actor(request), self._app.clock.now())
        locale = self._frame.locale(request)
        receiving = Receiving(self._app.translations.gettext(locale), self._pages.formats(locale))
        rhythms = {(r.digest, r.cadence): r for r in seen.person.rhythms}
        wishes = [
            (
                wish,
                receiving.sentence(wish, rhythms.get((wish.digest, wish.cadence))),
                rhythms[wish.digest, wish.cadence],
            )
            for wish in seen.person.subscriptions
        ]
        facts: dict[str, Any] = {"seen": seen, "wishes": wishes, "reads": receiving, "done": done}
        names = {r.digest: self._app.digests.get(r.digest) for r in seen.person.rhythms}
        facts["digest_options"] = [(id, digest.name(locale) if digest else id) for id, digest in names.items()]
        return self.show(request, "person.html", status=status, errors=errors or {}, **facts)

    def change(self, request: Request, id: int, act: str, fields: forms.Fields) -> Response:
        """What staff do for one person."""
        texts = self._app.translations.gettext(self._frame.locale(request))
        try:
            with self._app.store.write() as tx:
                self._acts(fields)[act](tx, id, By(actor(request)))
        except Conflict:
            return self.person(
                request, id, errors={"link": texts.gettext("They were sent several links already.")}, status=409
            )
        except (InvalidInput, ValueError) as error:
            faults = error.faults if isinstance(error, InvalidInput) else ()
            fields_ = [fault.pointer.strip("/") for fault in faults] or ["until"]
            told = {field: PeopleWords(texts).wrong(field) for field in fields_}
            return self.person(request, id, errors=told, status=422)
        home = f"{self._frame.home(request)}/people"
        return RedirectResponse(f"{home}?gone=1" if act == "erase" else f"{home}/{id}?done={act}", 303)

    def _acts(self, fields: forms.Fields) -> dict[str, Callable[[Transaction, int, By], object]]:
        app, now = self._app, self._app.clock.now()
        name, group, languages, zone = (fields.one(name)[:300] for name in ("name", "group", "languages", "zone"))
        told = Told(name=name.strip(), group=group, languages=languages.split("|"), zone=zone)
        house = app.digests, app.codelists, app.rules.pause_reach_back
        digest = fields.one("digest")

        def pause(tx: Transaction, id: int, by: By) -> None:
            help_person.pause_person(tx, id, date.fromisoformat(fields.one("until")), by, now)

        return {
            "link": lambda tx, id, by: help_person.send_link(tx, id, app.rules, by, now),
            "stop": lambda tx, id, by: help_person.stop_person(tx, id, digest or None, by, now),
            "pause": pause,
            "facts": lambda tx, id, by: change_person(tx, id, told, lambda _: None, by, *house, now),
            "suppress": lambda tx, id, by: help_person.suppress_person(tx, id, by, now),
            "erase": lambda tx, id, by: help_person.erase_for_staff(tx, id, by, now),
        }

    def show(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
        """A page about people."""
        locale = self._frame.locale(request)
        groups = [(code.code, code.label(locale)) for code in self._app.codelists.groups]
        told = {
            "told": PeopleWords(self._app.translations.gettext(locale)),
            "groups": groups,
            "erasing": RequestKind.ERASE,
            "may_change": may(request, Permission.CHANGE_PEOPLE),
        }
        return self._frame.show(request, template, PLACE, status=status, **told, **facts)
