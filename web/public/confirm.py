"""The page behind the link of a confirmation mail: a GET shows what was asked for, a POST says yes (mail scanners).

Who is subscribed already is asked in other words, and says another yes (`do=take`): the button of a page that was
opened before changes nothing of what they have confirmed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.audience import Status, Subscriber, frame_locale
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.sign_up import SignUp, Standing, received, taken
from tribune.rendering.receiving import Receiving
from tribune.services.audience.confirm_sign_up import Confirmation, look_at_sign_up
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.audience.subscriber_rows import RefusedCell, read_name, typed_name
from tribune.services.audience.take_sign_up import take_sign_up
from tribune.services.notices.notice_links import CONFIRM
from tribune.services.sending.reader_links import PREFERENCES
from web.away import RETRY_SECONDS
from web.batches import Batches, TooBusy
from web.clients import ClientNetwork
from web.forms import read_fields
from web.pages import Pages

_MANGLED = ".,;:!?)>]}'\"»”’"
"""What mail programs take for a part of the address when it ends a sentence."""

MAX_NAME = 100
TAKE = "take"


def router(app: Application, pages: Pages, batches: Batches, network_of: ClientNetwork) -> APIRouter:
    """`/c/TOKEN`."""
    routes = APIRouter()
    page = ConfirmPage(app, pages)

    @routes.get("/c/{token}")
    def show(token: str, request: Request) -> Response:
        return page.show(request, *page.read(token))

    @routes.post("/c/{token}")
    async def confirm(token: str, request: Request) -> Response:
        subscriber, number = page.read(token)
        fields = await read_fields(request, most_fields=20)
        if fields.one("do") == TAKE:
            return await run_in_threadpool(
                page.take, request, Confirmation(subscriber, number, "", network_of(request))
            )
        typed = typed_name(fields.one("name"))
        try:
            name = read_name(typed)
            if len(name) > MAX_NAME:
                raise RefusedCell("name", "", "too long")
        except RefusedCell:
            return await run_in_threadpool(page.show, request, subscriber, number, typed[:MAX_NAME], wrong_name=True)
        try:
            told = await batches.confirmations(Confirmation(subscriber, number, name, network_of(request)))
        except TooBusy:
            return await run_in_threadpool(page.show, request, subscriber, number, typed, too_busy=True)
        return await run_in_threadpool(page.show, request, subscriber, number, confirmed=told.now)

    return routes


class ConfirmPage:
    """Shows how a link stands."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    def read(self, token: str) -> tuple[int, int]:
        """(person, sign-up). Raises NotFound: forged, cut or for another page makes no difference to who asks."""
        try:
            subscriber, number = self._app.signer.verify(CONFIRM, token.rstrip(_MANGLED))
            return int(subscriber), int(number)
        except (InvalidInput, ValueError):
            raise NotFound("This link is not complete or not valid.", hint="Use the whole link.") from None

    def take(self, request: Request, asked: Confirmation) -> Response:
        """Take what a form asks for beyond what they have."""
        app = self._app
        with app.store.read() as tx:
            form = look_at_sign_up(tx, asked.subscriber, asked.sign_up, app.digests)[1]
        refresh_masks(app.store, app.codelists)
        house = app.digests, app.codelists, app.rules.pause_reach_back, app.clock.now()
        with app.store.write() as tx:
            told = take_sign_up(tx, asked, *house)
        took = _digests(form) if form is not None and told.now else ()
        return self.show(request, asked.subscriber, asked.sign_up, confirmed=told.now, took=took)

    def show(
        self,
        request: Request,
        subscriber: int,
        number: int,
        name: str = "",
        *,
        confirmed: bool = False,
        wrong_name: bool = False,
        too_busy: bool = False,
        took: Sequence[str] = (),
    ) -> Response:
        """The page as things stand now. `took`: the digests of which they have just taken what a form asks for."""
        app = self._app
        with app.store.read() as tx:
            stands, sign_up = look_at_sign_up(tx, subscriber, number, app.digests)
            person = tx.audience.one(subscriber)
        waits = sign_up is not None and stands is Standing.WAITS
        languages = sign_up.wanted.languages if sign_up and waits else person.languages if person else ()
        locale = self._locale(request, languages)
        texts, errors = app.translations.gettext(locale), {}
        if wrong_name:
            errors["name"] = texts.gettext("Please enter a name without line breaks, of at most 100 characters.")
        has = [id for id in app.digests if id in received(person)] if person else []
        about = list(took) or (_digests(sign_up) if sign_up else has)
        quoted = texts.pgettext("the name of a newsletter in a sentence", "%(letter)s")
        changes = stands is Standing.CHANGES and sign_up is not None
        facts: dict[str, Any] = {
            "letters": [quoted % {"letter": app.digests[id].name(locale)} for id in about if id in app.digests],
            "told": self._told(sign_up, locale, person) if sign_up else {},
            # Whoever follows the link reads the mail of this address: they may see their preferences.
            "preferences": f"/p/{app.signer.sign(PREFERENCES, subscriber, has[0], 'c')}" if has else "",
            "took": bool(took),
            "adds": changes and not set(about) & set(has),
            "has": self._has(person, locale) if changes and person else [],
            "paused": person is not None and person.status is Status.PAUSED,
        }
        page = self._pages.render(
            locale,
            "public/confirm.html",
            status=422 if wrong_name else 503 if too_busy else 200,
            stands=stands.value,
            confirmed=confirmed and stands is Standing.DONE,
            name=name,
            errors=errors,
            too_busy=too_busy,
            path=request.url.path,
            **facts,
        )
        if too_busy:
            page.headers["retry-after"] = RETRY_SECONDS
        return page

    def _locale(self, request: Request, languages: tuple[str, ...]) -> str:
        asked = request.query_params.get("in", "")
        if asked in self._pages.offered:
            return asked
        if languages:
            return frame_locale(languages, self._pages.offered, self._app.organisation.default_language)
        return self._pages.locale_of(request)

    def _has(self, person: Subscriber, locale: str) -> list[tuple[str, str]]:
        """(newsletter, what they receive of it), as the preferences page says it."""
        app = self._app
        reads = Receiving(app.translations.gettext(locale), self._pages.formats(locale))
        rhythms = {(r.digest, r.cadence): r for r in person.rhythms if r.stopped_at is None}
        return [
            (app.digests[wish.digest].name(locale), reads.sentence(wish, rhythms[wish.digest, wish.cadence]))
            for wish in person.subscriptions
            if wish.digest in app.digests and (wish.digest, wish.cadence) in rhythms
        ]

    def _told(self, sign_up: SignUp, locale: str, person: Subscriber | None) -> dict[str, Any]:
        """What was asked for, in words. Empty lists mean any. Languages stay those of a subscriber who receives what
        the form is not about (tribune.domain.sign_up.taken)."""
        formats, wanted = self._pages.formats(locale), sign_up.wanted
        if person is not None and person.status in (Status.ACTIVE, Status.PAUSED):
            wanted = replace(wanted, languages=taken(person, wanted).languages)
        choice = wanted.subscriptions[0].choice
        return {
            "topics": sorted(map(formats.policy_area, choice.policy_areas)),
            "places": sorted(map(formats.place, choice.places)),
            "kinds": sorted(map(formats.kinds, choice.kinds)),
            "languages": [formats.language(tag) for tag in wanted.languages],
            "cadence": wanted.subscriptions[0].cadence.value,
        }


def _digests(sign_up: SignUp) -> list[str]:
    return list(dict.fromkeys(wish.digest for wish in sign_up.wanted.subscriptions))
