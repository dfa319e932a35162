"""The page behind the link of a confirmation mail: a GET shows what was asked for, a POST says yes (mail scanners)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.audience import frame_locale
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.sign_up import SignUp, Standing
from tribune.services.audience.confirm_sign_up import Confirmation, look_at_sign_up
from tribune.services.audience.subscriber_rows import RefusedCell, read_name
from tribune.services.notices.notice_links import CONFIRM
from tribune.services.sending.reader_links import PREFERENCES
from web.batches import Batches, TooBusy
from web.clients import ClientNetwork
from web.forms import read_fields
from web.pages import Pages

_MANGLED = ".,;:!?)>]}'\"»”’"
"""What mail programs take for a part of the address when it ends a sentence."""

MAX_NAME = 100


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
        typed = fields.one("name").strip()
        try:
            name = read_name(typed)
            if len(name) > MAX_NAME:
                raise RefusedCell("name", "", "too long")
        except RefusedCell:
            return await run_in_threadpool(page.show, request, subscriber, number, typed[:MAX_NAME], wrong_name=True)
        try:
            stands = await batches.confirmations(Confirmation(subscriber, number, name, network_of(request)))
        except TooBusy:
            return await run_in_threadpool(page.show, request, subscriber, number, typed, too_busy=True)
        return await run_in_threadpool(page.show, request, subscriber, number, confirmed=stands is Standing.DONE)

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
    ) -> Response:
        """The page as things stand now."""
        app = self._app
        with app.store.read() as tx:
            stands, sign_up = look_at_sign_up(tx, subscriber, number, app.digests)
            person = tx.audience.one(subscriber)
        languages = sign_up.wanted.languages if sign_up else person.languages if person else ()
        locale = self._locale(request, languages)
        texts, errors = app.translations.gettext(locale), {}
        if wrong_name:
            errors["name"] = texts.gettext("Please enter a name without line breaks, of at most 100 characters.")
        wishes = sign_up.wanted.subscriptions if sign_up else person.subscriptions if person else ()
        digests = [id for id in dict.fromkeys(wish.digest for wish in wishes) if id in app.digests]
        quoted = texts.pgettext("the name of a newsletter in a sentence", "%(letter)s")
        facts: dict[str, Any] = {
            "letters": [quoted % {"letter": app.digests[id].name(locale)} for id in digests],
            "told": self._told(sign_up, locale) if sign_up else {},
            # Whoever follows the link reads the mail of this address: they may see their preferences.
            "preferences": f"/p/{app.signer.sign(PREFERENCES, subscriber, digests[0], 'c')}" if digests else "",
        }
        return self._pages.render(
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

    def _locale(self, request: Request, languages: tuple[str, ...]) -> str:
        asked = request.query_params.get("in", "")
        if asked in self._pages.offered:
            return asked
        if languages:
            return frame_locale(languages, self._pages.offered, self._app.organisation.default_language)
        return self._pages.locale_of(request)

    def _told(self, sign_up: SignUp, locale: str) -> dict[str, Any]:
        """What was asked for, in words. Empty lists mean any."""
        formats, wanted = self._pages.formats(locale), sign_up.wanted
        choice = wanted.subscriptions[0].choice
        return {
            "topics": sorted(map(formats.policy_area, choice.policy_areas)),
            "places": sorted(map(formats.place, choice.places)),
            "kinds": sorted(map(formats.kinds, choice.kinds)),
            "languages": [formats.language(tag) for tag in wanted.languages],
            "cadence": wanted.subscriptions[0].cadence.value,
        }
