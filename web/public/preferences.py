"""The preference centre behind a link of each mail: what one receives, and its change section by section.

Each section is a page of its own with one form; what was wrong is shown with all that was typed, and what was saved is
said in words on the first page. What would tell who the reader is (name, group, address) is never shown here, as a
forwarded mail opens these pages too; a link sent to the address opens the rest (my_data.py; decisions.md, 29).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.audience import Rhythm, Status, Subscriber, Subscription
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.notices import NoticeKind
from tribune.domain.preferences import wish_key, wish_named, with_choice, with_timing
from tribune.rendering.locales import Texts
from tribune.services.archive.own_feed import FEED
from tribune.services.audience.change_preferences import How, change_preferences
from tribune.services.audience.subscriber_rows import RefusedCell, read_name, typed_name
from tribune.services.desk.reader_choices import ReaderChoices, choices_of
from tribune.services.notices.request_notice import request_notice
from tribune.services.segments.note_visit import note_visit
from web.batches import Batches
from web.clients import ClientNetwork
from web.forms import Fields, read_either, read_fields
from web.pages import Pages
from web.public import choice_form, less
from web.public.add_letter import AddLetter, may_be_added, may_come_back
from web.public.choice_form import Chosen, Errors
from web.public.choice_options import ChoiceOptions
from web.public.links import Link, no_link, read_link, reader_locale
from web.public.unsubscribe import stop

SECTIONS = ("topics", "when", "languages", "you")
SAVED = (*SECTIONS, "added", "same", "meanwhile")
"""What the first page may say after a section."""

NOTICES = {"fresh-link": NoticeKind.PREFERENCES_LINK, "data-link": NoticeKind.DATA_LINK}


@dataclass(frozen=True, slots=True)
class Received:
    """One of the things that a person receives, as the page tells it. `key` names the subscription."""

    key: str
    wish: Subscription
    rhythm: Rhythm | None
    stopped: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A section's form: what was typed, what becomes of the person, what is wrong (field -> what to do)."""

    chosen: Chosen
    how: How | None
    errors: dict[str, str]


class PreferenceCentre:
    """Reads and shows the pages."""

    def __init__(self, app: Application, pages: Pages, options: Callable[[str], ChoiceOptions]) -> None:
        self._app = app
        self._pages = pages
        self._options = options
        self.add_letter = AddLetter(app, pages, options)

    # -- the first page

    def overview(self, link: Link, request: Request, facts: Mapping[str, Any] | None = None) -> Response:
        app = self._app
        with app.store.read() as tx:
            person = tx.audience.one(link.subscriber)
        locale = reader_locale(app, self._pages, request, person.languages if person else ())
        digest = app.digests.get(link.digest)
        saved = request.query_params.get("done", "")
        told = {**less.NOTHING, **(facts or {})}
        return self._pages.render(
            locale,
            "public/preferences.html",
            status=422 if told["wrong"] else 200,
            letter=digest.name(locale) if digest else "",
            choices=choices_of(person, link.digest, app.digests) if person else ReaderChoices(known=False),
            person=person,
            received=[one for one in received(person) if one.wish.digest in app.digests] if person else [],
            others=may_be_added(app, person),
            left=may_come_back(app, person),
            link_digest=link.digest,
            reach_back=app.rules.pause_reach_back.days,
            path=self._path(link, request),
            query=_asked_language(request),
            old_link=link.old,
            feed=f"/f/{app.signer.sign(FEED, link.subscriber)}",
            saved=saved if saved in SAVED and not facts else "",
            **told,
        )

    def ask_for(self, link: Link, do: str) -> None:
        """A link by mail. The page says the same whether a mail leaves or not: nobody, too many, never mailed."""
        app = self._app
        with app.store.write() as tx:
            person = tx.audience.one(link.subscriber)
            has = [one.wish.digest for one in received(person) if not one.stopped] if person else []
            # The mail names a newsletter: one that they receive, where there is one.
            about = [id for id in (link.digest, *has) if id in has and id in app.digests]
            content = {"digest": about[0] if about else link.digest}
            request_notice(tx, NOTICES[do], link.subscriber, content, app.rules, app.clock.now())

    # -- a section

    def section(self, link: Link, section: str, request: Request, sent: Sent | None = None) -> Response:
        """The form of a section; as it was `sent`, where something is wrong with it. Raises NotFound."""
        app = self._app
        with app.store.read() as tx:
            person = tx.audience.one(link.subscriber)
        if person is None or section not in SECTIONS or person.status is Status.PENDING:
            raise no_link()
        named = request.query_params.get("of", "")
        wish = self._wish(person, link, named)
        if wish is None:
            return RedirectResponse(self._back(link, request, "meanwhile" if named else ""), 303)
        if sent is None:
            rhythm = next((r for r in person.rhythms if (r.digest, r.cadence) == (wish.digest, wish.cadence)), None)
            chosen = replace(Chosen.of(person, wish, rhythm), group="")
            sent = Sent(chosen, None, {})
        locale = reader_locale(app, self._pages, request, person.languages)
        options = self._options(locale)
        digest = app.digests.get(wish.digest)
        return self._pages.render(
            locale,
            "public/preferences_section.html",
            status=422 if sent.errors else 200,
            section=section,
            letter=digest.name(locale) if digest else wish.digest,
            options=options.for_one(digest),
            chosen=sent.chosen,
            errors=sent.errors,
            several=len([s for s in person.subscriptions if s.digest == wish.digest]) > 1,
            path=self._path(link, request),
            query=_asked_language(request),
            of=wish_key(wish),
        )

    def save(self, link: Link, section: str, request: Request, fields: Fields, network: str) -> Response:
        """Save a section, and go back to the first page. Raises NotFound."""
        app = self._app
        if section not in SECTIONS:
            raise no_link()
        with app.store.read() as tx:
            person = tx.audience.one(link.subscriber)
        if person is None or person.status is Status.PENDING:
            raise no_link()
        wish = self._wish(person, link, request.query_params.get("of", ""))
        if wish is None:
            return RedirectResponse(self._back(link, request, "meanwhile"), 303)
        locale = reader_locale(app, self._pages, request, person.languages)
        sent = self._read(section, person, wish, fields, locale)
        if sent.how is None or sent.errors:
            return self.section(link, section, request, sent)
        try:
            with app.store.write() as tx:
                before, after = change_preferences(
                    tx,
                    link.subscriber,
                    sent.how,
                    app.digests,
                    app.codelists,
                    app.rules.pause_reach_back,
                    app.clock.now(),
                    network=network,
                )
                note_visit(tx, link.subscriber, app.clock.now())
        except (InvalidInput, NotFound):
            return RedirectResponse(self._back(link, request, "meanwhile"), 303)
        return RedirectResponse(self._back(link, request, section if before != after else "same"), 303)

    def _read(self, section: str, person: Subscriber, wish: Subscription, fields: Fields, locale: str) -> Sent:
        texts = self._app.translations.gettext(locale)
        app, chosen, key = self._app, Chosen.typed(fields), wish_key(wish)
        errors: dict[str, str] = {}
        how: How
        if section == "topics":
            choice = choice_form.choice_of(chosen, app.codelists, texts, errors)

            def how(one: Subscriber) -> Subscriber:
                return with_choice(one, key, choice)
        elif section == "when":
            digests = [app.digests[wish.digest]] if wish.digest in app.digests else []
            cadence, weekday, hour = choice_form.rhythm_of(chosen, digests, texts, errors, self._pages.formats(locale))
            zone = choice_form.zone_of(chosen, texts, errors) if chosen.zone != person.zone else person.zone

            def how(one: Subscriber) -> Subscriber:
                return with_timing(one, key, cadence, weekday, hour, zone)
        elif section == "languages":
            known = (*self._pages.offered, *person.languages)
            languages, fallback = choice_form.languages_of(chosen, known, texts, errors)

            def how(one: Subscriber) -> Subscriber:
                return replace(one, languages=choice_form.and_further(languages, one), fallback=fallback)
        else:
            how = self._you(chosen, fields, texts, errors)
        return Sent(chosen, how, errors)

    def _you(self, chosen: Chosen, fields: Fields, texts: Texts, errors: Errors) -> How:
        """Name and group are written here and never shown: an empty field leaves what there is."""
        group = choice_form.group_of(chosen, self._app.codelists, texts, errors) if chosen.group else ""
        typed = typed_name(fields.one("name"))
        name = ""
        try:
            name = read_name(typed)
        except RefusedCell:
            errors["name"] = texts.gettext("Please write the name without line breaks, in 300 characters at most.")

        def how(one: Subscriber) -> Subscriber:
            told = "" if fields.one("nameless") else name or one.name
            return replace(one, name=told, group=group or one.group)

        return how

    def _wish(self, person: Subscriber, link: Link, key: str) -> Subscription | None:
        """The subscription of that name; without one the first of the link's digest. Of a digest that is no more there
        is nothing to choose."""
        if key:
            named = wish_named(person, key)
            return named if named is not None and named.digest in self._app.digests else None
        known = [s for s in person.subscriptions if s.digest in self._app.digests]
        mine = [s for s in known if s.digest == link.digest] or known
        return mine[0] if mine else None

    def add(self, link: Link, id: str, request: Request, fields: Fields | None = None, network: str = "") -> Response:
        """The form of another newsletter, or what becomes of it. Raises NotFound."""
        query = _asked_language(request)
        back = partial(self._back, link, request)
        if fields is None:
            return self.add_letter.form(link, id, request, back("same"), query)
        return self.add_letter.save(link, id, request, back, query, fields, network)

    def _path(self, link: Link, request: Request) -> str:
        return "/".join(request.url.path.split("/")[:3])

    def _back(self, link: Link, request: Request, done: str) -> str:
        asked = request.query_params.get("in", "")
        told = {"done": done} | ({"in": asked} if asked in self._pages.offered else {})
        return f"{self._path(link, request)}?{urlencode(told)}"


def received(person: Subscriber) -> list[Received]:
    """What a person receives, digest by digest, the quickest first."""
    rhythms = {(r.digest, r.cadence): r for r in person.rhythms}
    told = []
    for wish in person.subscriptions:
        rhythm = rhythms.get((wish.digest, wish.cadence))
        told.append(Received(wish_key(wish), wish, rhythm, rhythm is not None and rhythm.stopped_at is not None))
    return told


def _asked_language(request: Request) -> str:
    """The language that was asked for in the address, to be kept on the way: `in=fr`, or nothing."""
    asked = request.query_params.get("in", "")
    return f"in={asked}" if asked.isascii() and asked.replace("-", "").isalnum() and len(asked) <= 12 else ""


def router(centre: PreferenceCentre, app: Application, batches: Batches, network_of: ClientNetwork) -> APIRouter:
    """`/p/TOKEN` and its sections."""
    routes = APIRouter()

    @routes.get("/p/{token}")
    def show(token: str, request: Request) -> Response:
        return centre.overview(read_link(app, "p", token), request)

    @routes.post("/p/{token}")
    async def act(token: str, request: Request) -> Response:
        link = read_link(app, "p", token)
        fields = await read_either(request)
        do = fields.one("do")
        facts: dict[str, Any] | None = {"done": do}
        if do in ("stop", "stop-all"):
            await stop(batches, link, do, network_of(request))
        elif do in NOTICES:
            await run_in_threadpool(centre.ask_for, link, do)
        else:
            facts = await run_in_threadpool(less.act, app, link, do, fields, network_of(request))
        return await run_in_threadpool(centre.overview, link, request, facts)

    @routes.get("/p/{token}/add/{digest}")
    def add_form(token: str, digest: str, request: Request) -> Response:
        return centre.add(read_link(app, "p", token), digest, request)

    @routes.post("/p/{token}/add/{digest}")
    async def add(token: str, digest: str, request: Request) -> Response:
        link, fields = read_link(app, "p", token), await read_fields(request)
        return await run_in_threadpool(centre.add, link, digest, request, fields, network_of(request))

    @routes.get("/p/{token}/{section}")
    def form(token: str, section: str, request: Request) -> Response:
        return centre.section(read_link(app, "p", token), section, request)

    @routes.post("/p/{token}/{section}")
    async def save(token: str, section: str, request: Request) -> Response:
        link = read_link(app, "p", token)
        fields = await read_fields(request)
        return await run_in_threadpool(centre.save, link, section, request, fields, network_of(request))

    return routes
