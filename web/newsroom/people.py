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
from tribune.domain.audience import Subscriber
from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.preferences import wish_key
from tribune.domain.staff import Permission
from tribune.ports.data_requests import OPEN, RequestKind
from tribune.ports.store import Transaction
from tribune.rendering.locales import Texts
from tribune.rendering.receiving import Receiving
from tribune.services.people import help_person
from tribune.services.people.by import By
from tribune.services.people.find_people import find_people
from tribune.services.people.see_person import see_person
from tribune.services.segments.tag_people import tag_people, untag_people
from web import forms
from web.newsroom.access import actor, may, needs, staff_names
from web.newsroom.again_form import AgainForm
from web.newsroom.frame import Newsroom
from web.newsroom.import_form import basis_of
from web.newsroom.import_words import ImportWords
from web.newsroom.people_words import PeopleWords
from web.newsroom.person_forms import PersonForms
from web.pages import Pages
from web.public.choice_options import ChoiceOptions

PLACE = "people"
REQUESTS = 100

Text = Annotated[str, Query(max_length=320)]
Id = Annotated[int, Path(ge=1, lt=2**31)]
Act = Annotated[str, Path(pattern="^(link|stop|again|pause|resume|tag|untag|suppress|erase)$")]

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
        """Those who fit, or the newest. That somebody searched is written down, and not for what; or whom they saw."""
        app, wanted = self._app, wanted.strip()
        with app.store.read() as tx:
            found = find_people(tx, wanted, after)
            count = sum(tx.audience.count().values())
        if wanted:
            with app.store.write() as tx:
                tx.audit.add(actor(request), "people.searched", "", {"found": len(found.people)}, app.clock.now())
        elif found.people:
            with app.store.write() as tx:
                facts = {"people": len(found.people), "first": found.people[0].id, "last": found.people[-1].id}
                tx.audit.add(actor(request), "people.listed", "", facts, app.clock.now())
        return self.show(request, "people.html", found=found, q=wanted, count=count, gone=gone)

    def person(
        self,
        request: Request,
        id: int,
        *,
        done: str = "",
        errors: dict[str, str] | None = None,
        again: AgainForm | None = None,
        status: int = 200,
    ) -> Response:
        """One person. That somebody has looked is written down."""
        with self._app.store.write() as tx:
            seen = see_person(tx, id, actor(request), self._app.clock.now())
            names = staff_names(request, tx)
        again = again or AgainForm()
        locale = self._frame.locale(request)
        texts = self._app.translations.gettext(locale)
        receiving = Receiving(texts, self._pages.formats(locale))
        rhythms = {(r.digest, r.cadence): r for r in seen.person.rhythms}
        wishes = [(one, rhythms[one.digest, one.cadence], wish_key(one)) for one in seen.person.subscriptions]
        told = [(wish, receiving.sentence(wish, rhythm), rhythm, key) for wish, rhythm, key in wishes]
        facts: dict[str, Any] = {"seen": seen, "wishes": told, "reads": receiving, "done": done, "names": names}
        facts |= self._newsletters(seen.person, locale)
        facts |= {"again": again, "bases": [help_person.BRINGS_BACK], "told_basis": ImportWords(texts)}
        facts["reach_back"] = self._app.rules.pause_reach_back.days
        return self.show(request, "person.html", status=status, errors=errors or again.errors, **facts)

    def _newsletters(self, person: Subscriber, locale: str) -> dict[str, Any]:
        """(id, name) of those that somebody receives and of those that they have stopped; `stopped_last`: the names of
        several that they stopped together, as what they stopped last."""
        names = {}
        for digest in (rhythm.digest for rhythm in person.rhythms):
            names[digest] = self._app.digest(digest).name(locale)
        stopped = {r.digest: r.stopped_at for r in person.rhythms if r.stopped_at is not None}
        together = [names[digest] for digest, at in stopped.items() if at == max(stopped.values())]
        return {
            "running": [(digest, name) for digest, name in names.items() if digest not in stopped],
            "stopped": [(digest, names[digest]) for digest in stopped],
            "stopped_last": together if len(together) > 1 else [],
        }

    def export(self, request: Request, id: int) -> Response:
        """All that is held about one person, as a file: what they would take themselves."""
        app = self._app
        self._frame.locale(request)
        with app.store.write() as tx:
            told = help_person.export_person(tx, id, app.every_digest, By(actor(request)), app.clock.now())
        text = json.dumps(told, ensure_ascii=False, indent=1, default=str)
        headers = {"content-disposition": f'attachment; filename="person-{id}.json"', "cache-control": "no-store"}
        return Response(text, media_type="application/json", headers=headers)

    def help(self, request: Request, id: int, act: str, fields: forms.Fields) -> Response:
        """What staff do for one person."""
        texts = self._app.translations.gettext(self._frame.locale(request))
        words = PeopleWords(texts)
        if act == "again":
            return self._bring_back(request, id, AgainForm.typed(fields), texts)
        try:
            with self._app.store.write() as tx:
                changed = self._acts(fields)[act](tx, id, By(actor(request)))
        except Conflict as error:
            why = words.refused("link-listed" if error.where == help_person.LISTED else "link")
            return self.person(request, id, errors={"link": why}, status=409)
        except (InvalidInput, ValueError):
            wrong = {"tag": "tag", "untag": "tag", "stop": "digest"}.get(act, "until")
            return self.person(request, id, errors={wrong: words.wrong(wrong)}, status=422)
        if act == "erase":
            return RedirectResponse(f"{self._frame.home(request)}/people?gone=1", 303)
        return self._done(request, id, act, changed)

    def _bring_back(self, request: Request, id: int, form: AgainForm, texts: Texts) -> Response:
        """Somebody receives again what they have stopped, or what is wrong is shown."""
        app, words = self._app, PeopleWords(texts)
        basis = basis_of(form, texts, app.clock.now())
        if not form.source:
            form.errors["source"] = words.wrong("source")
        if basis is None:
            return self.person(request, id, again=form, status=422)
        told = form.again or None, basis, app.rules.pause_reach_back, By(actor(request)), app.clock.now()
        try:
            with app.store.write() as tx:
                changed = help_person.bring_back(tx, id, *told)
        except Conflict:
            form.errors["again"] = words.refused("again")
            return self.person(request, id, again=form, status=409)
        except InvalidInput as error:
            field = error.where if error.where in ("basis", "given") else "again"
            form.errors[field] = words.wrong(f"again_{field}")
            return self.person(request, id, again=form, status=422)
        return self._done(request, id, "again", changed)

    def _done(self, request: Request, id: int, act: str, changed: object) -> Response:
        done = "same" if changed is False else act
        return RedirectResponse(f"{self._frame.home(request)}/people/{id}?done={done}", 303)

    def _acts(self, fields: forms.Fields) -> dict[str, Callable[[Transaction, int, By], object]]:
        app, now = self._app, self._app.clock.now()
        reach_back = app.rules.pause_reach_back
        digest, tag = fields.one("digest"), fields.one("tag").strip().lower()

        def pause(tx: Transaction, id: int, by: By) -> bool:
            return help_person.pause_person(tx, id, date.fromisoformat(fields.one("until")), by, now)

        return {
            "link": lambda tx, id, by: help_person.send_link(tx, id, app.rules, by, now),
            "stop": lambda tx, id, by: help_person.stop_person(tx, id, digest or None, by, now),
            "pause": pause,
            "resume": lambda tx, id, by: help_person.resume_person(tx, id, reach_back, by, now),
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
