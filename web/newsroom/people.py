"""People in the newsroom: find somebody, see one person, and help them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.preferences import wish_key
from tribune.domain.staff import Permission
from tribune.ports.data_requests import OPEN, RequestKind
from tribune.ports.store import Transaction
from tribune.rendering.receiving import Receiving
from tribune.services.people import help_person
from tribune.services.people.by import By
from tribune.services.people.find_people import find_people
from tribune.services.people.see_person import see_person
from tribune.services.segments.tag_people import tag_people, untag_people
from web import forms
from web.newsroom.access import actor, may, needs, staff_names
from web.newsroom.frame import Newsroom
from web.newsroom.people_words import PeopleWords
from web.newsroom.person_forms import PersonForms
from web.pages import Pages
from web.public.choice_options import ChoiceOptions

PLACE = "people"
REQUESTS = 100

Text = Annotated[str, Query(max_length=320)]
Id = Annotated[int, Path(ge=1, lt=2**31)]
Act = Annotated[str, Path(pattern="^(link|stop|pause|tag|untag|suppress|erase)$")]


CHANGE = [needs(Permission.CHANGE_PEOPLE)]


def router(app: Application, pages: Pages, options: Callable[[str], ChoiceOptions]) -> APIRouter:
    """All pages about people. `options`: what there is to choose from, in a locale."""
    routes = APIRouter(dependencies=[needs(Permission.READ_PEOPLE)])
    desk, person_forms = PeoplePages(app, pages), PersonForms(app, pages, options)

    @routes.get("/{locale}/newsroom/people")
    def people(request: Request, gone: Text = "") -> Response:
        return desk.list(request, gone=bool(gone))

    @routes.post("/{locale}/newsroom/people")
    async def find(request: Request) -> Response:
        """What is looked for may be an address: it stands in no log of addresses."""
        fields = await forms.read_fields(request)
        return await run_in_threadpool(desk.list, request, fields.one("q")[:320], fields.one("after")[:20])

    @routes.get("/{locale}/newsroom/people/new", dependencies=CHANGE)
    def new(request: Request) -> Response:
        return person_forms.new(request)

    @routes.post("/{locale}/newsroom/people/new", dependencies=CHANGE)
    async def add(request: Request) -> Response:
        return await run_in_threadpool(person_forms.add, request, await forms.read_fields(request))

    @routes.get("/{locale}/newsroom/people/{id}")
    def person(request: Request, id: Id, done: Text = "") -> Response:
        return desk.person(request, id, done=done)

    @routes.get("/{locale}/newsroom/people/{id}/change", dependencies=CHANGE)
    def change_form(request: Request, id: Id, of: Text = "") -> Response:
        return person_forms.one(request, id, of)

    @routes.post("/{locale}/newsroom/people/{id}/change", dependencies=CHANGE)
    async def change(request: Request, id: Id, of: Text = "") -> Response:
        return await run_in_threadpool(person_forms.change, request, id, of, await forms.read_fields(request))

    @routes.post("/{locale}/newsroom/people/{id}/export", dependencies=CHANGE)
    def export(request: Request, id: Id) -> Response:
        return desk.export(request, id)

    @routes.post("/{locale}/newsroom/people/{id}/{act}", dependencies=CHANGE)
    async def help(request: Request, id: Id, act: Act) -> Response:
        return await run_in_threadpool(desk.help, request, id, act, await forms.read_fields(request))

    @routes.get("/{locale}/newsroom/data-requests")
    def requests(request: Request) -> Response:
        with app.store.read() as tx:
            waiting = tx.data_requests.recent(states=OPEN, limit=REQUESTS)
            recent = [one for one in tx.data_requests.recent(limit=REQUESTS) if one.state not in OPEN]
            names = staff_names(request, tx)
        facts: dict[str, Any] = {"waiting": waiting, "recent": recent, "names": names, "now": app.clock.now()}
        return desk.show(request, "data_requests.html", **facts)

    return routes


class PeoplePages:
    """Shows the pages, and does what they ask."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self._app = app
        self._frame = Newsroom(app, pages)
        self._pages = pages

    def list(self, request: Request, wanted: str = "", after: str = "", *, gone: bool = False) -> Response:
        """Those who fit, or the newest. That somebody searched is written down, and not for what."""
        app, wanted = self._app, wanted.strip()
        with app.store.read() as tx:
            found = find_people(tx, wanted, after)
            count = sum(tx.audience.count().values())
        if wanted:
            with app.store.write() as tx:
                tx.audit.add(actor(request), "people.searched", "", {"found": len(found.people)}, app.clock.now())
        return self.show(request, "people.html", found=found, q=wanted, count=count, gone=gone)

    def person(
        self, request: Request, id: int, *, done: str = "", errors: dict[str, str] | None = None, status: int = 200
    ) -> Response:
        """One person. That somebody has looked is written down."""
        with self._app.store.write() as tx:
            seen = see_person(tx, id, actor(request), self._app.clock.now())
            names = staff_names(request, tx)
        locale = self._frame.locale(request)
        receiving = Receiving(self._app.translations.gettext(locale), self._pages.formats(locale))
        rhythms = {(r.digest, r.cadence): r for r in seen.person.rhythms}
        wishes = [(one, rhythms[one.digest, one.cadence], wish_key(one)) for one in seen.person.subscriptions]
        told = [(wish, receiving.sentence(wish, rhythm), rhythm, key) for wish, rhythm, key in wishes]
        facts: dict[str, Any] = {"seen": seen, "wishes": told, "reads": receiving, "done": done, "names": names}
        digests = {r.digest: self._app.digests.get(r.digest) for r in seen.person.rhythms}
        facts["digest_options"] = [(id, digest.name(locale) if digest else id) for id, digest in digests.items()]
        return self.show(request, "person.html", status=status, errors=errors or {}, **facts)

    def export(self, request: Request, id: int) -> Response:
        """All that is held about one person, as a file: what they would take themselves."""
        app = self._app
        self._frame.locale(request)
        with app.store.write() as tx:
            told = help_person.export_person(tx, id, app.digests, By(actor(request)), app.clock.now())
        text = json.dumps(told, ensure_ascii=False, indent=1, default=str)
        headers = {"content-disposition": f'attachment; filename="person-{id}.json"', "cache-control": "no-store"}
        return Response(text, media_type="application/json", headers=headers)

    def help(self, request: Request, id: int, act: str, fields: forms.Fields) -> Response:
        """What staff do for one person."""
        texts = self._app.translations.gettext(self._frame.locale(request))
        try:
            with self._app.store.write() as tx:
                self._acts(fields)[act](tx, id, By(actor(request)))
        except Conflict:
            told = texts.gettext("They were sent several links already.")
            return self.person(request, id, errors={"link": told}, status=409)
        except (InvalidInput, ValueError):
            field = {"tag": "tag", "untag": "tag", "stop": "digest"}.get(act, "until")
            return self.person(request, id, errors={field: PeopleWords(texts).wrong(field)}, status=422)
        home = f"{self._frame.home(request)}/people"
        return RedirectResponse(f"{home}?gone=1" if act == "erase" else f"{home}/{id}?done={act}", 303)

    def _acts(self, fields: forms.Fields) -> dict[str, Callable[[Transaction, int, By], object]]:
        app, now = self._app, self._app.clock.now()
        digest, tag = fields.one("digest"), fields.one("tag").strip().lower()

        def pause(tx: Transaction, id: int, by: By) -> None:
            help_person.pause_person(tx, id, date.fromisoformat(fields.one("until")), by, now)

        return {
            "link": lambda tx, id, by: help_person.send_link(tx, id, app.rules, by, now),
            "stop": lambda tx, id, by: help_person.stop_person(tx, id, digest or None, by, now),
            "pause": pause,
            "tag": lambda tx, id, by: tag_people(tx, [id], tag, by.actor, now),
            "untag": lambda tx, id, by: untag_people(tx, [id], tag, by.actor, now),
            "suppress": lambda tx, id, by: help_person.suppress_person(tx, id, by, now),
            "erase": lambda tx, id, by: help_person.erase_for_staff(tx, id, by, now),
        }

    def show(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
        """A page about people."""
        locale = self._frame.locale(request)
        told = {
            "told": PeopleWords(self._app.translations.gettext(locale)),
            "erasing": RequestKind.ERASE,
            "may_change": may(request, Permission.CHANGE_PEOPLE),
        }
        return self._frame.show(request, template, PLACE, status=status, **told, **facts)
