"""The subscription form: choose, see what it would have brought, ask for it. Nothing comes before the confirmation."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.consent import ConsentText
from tribune.domain.sign_up import Asking, Wanted, one_wish
from tribune.rendering.locales import Texts
from tribune.services.audience.preview_choices import Recent, preview_choices, recent_items
from tribune.services.audience.subscriber_rows import RefusedCell, read_address
from web.away import RETRY_SECONDS
from web.batches import Batches, TooBusy
from web.clients import ClientNetwork
from web.forms import Fields, read_fields
from web.pages import Pages
from web.public import choice_form
from web.public.choice_form import Chosen, Errors
from web.public.choice_options import ChoiceOptions, choice_options
from web.public.frame import Public
from web.rates import CallRates

TRAP = "website"
"""A field that people do not see and programs fill in."""

PREVIEW_KEPT_SECONDS = 60.0
PREVIEW_MOST = 12
PREVIEWS_A_MINUTE = 120
"""From one network, of this process: a preview costs work and asks nobody's leave. A quarter of them may come at
once."""


def consent_text(app: Application, locale: str) -> ConsentText:
    """The words beside the button, to which somebody agrees by pressing it."""
    words = app.translations.gettext(locale).gettext(
        "By subscribing you agree that %(organisation)s sends you what you have chosen by e-mail, and keeps your "
        "address and your choices for this purpose only. Each mail has a link with which you can change or end it "
        "at any time."
    )
    return ConsentText(locale, words % {"organisation": app.organisation.name(locale)})


def router(form: SubscribeForm, batches: Batches, network_of: ClientNetwork) -> APIRouter:
    """`/{locale}/subscribe` and what follows it."""
    routes = APIRouter()

    @routes.get("/{locale}/subscribe")
    def show(request: Request) -> Response:
        form.public.locale(request)
        return form.show(request, form.prefilled(request))

    @routes.post("/{locale}/subscribe")
    async def send(request: Request) -> Response:
        locale = form.public.locale(request)
        fields = await read_fields(request)
        sent = form.read(locale, fields)
        if fields.one("do") == "preview":
            if form.must_wait(network_of(request)):
                return await run_in_threadpool(form.show, request, replace(sent, errors={}), 429, previews_over=True)
            return await run_in_threadpool(form.preview, request, sent)
        if sent.errors:
            return await run_in_threadpool(form.show, request, sent, 422)
        if not fields.one(TRAP):
            asking = Asking(sent.address, sent.wanted, form.text(locale).version, network_of(request))
            try:
                answer = await batches.sign_ups(asking)
            except TooBusy:
                return await run_in_threadpool(form.too_busy, request, sent)
            if answer.again_at is not None:
                return await run_in_threadpool(form.too_many, request, sent, answer.again_at)
        return RedirectResponse(f"/{locale}/subscribe/check-your-mail", 303)

    @routes.post("/{locale}/subscribe/preview")
    async def preview(request: Request) -> Response:
        """The preview alone, for the script that shows it while one chooses."""
        locale = form.public.locale(request)
        if wait := form.must_wait(network_of(request)):
            return Response(status_code=429, headers={"retry-after": str(wait)})
        sent = form.read(locale, await read_fields(request))
        return await run_in_threadpool(form.preview_part, request, sent)

    @routes.get("/{locale}/subscribe/check-your-mail")
    def check_your_mail(request: Request) -> Response:
        return form.check_your_mail(request)

    return routes


@dataclass(frozen=True, slots=True)
class Sent:
    """A form: what was typed, what it means, what is wrong (field -> what to do)."""

    chosen: Chosen
    wanted: Wanted
    address: str
    errors: dict[str, str]


class SubscribeForm:
    """Reads and shows the form."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self.public = Public(app, pages)
        self._app = app
        self._pages = pages
        self._options: dict[str, ChoiceOptions] = {}
        self._texts = {locale: consent_text(app, locale) for locale in pages.offered}
        self._previews = CallRates(PREVIEWS_A_MINUTE)
        self._recent: tuple[float, Recent] | None = None

    @property
    def texts(self) -> list[ConsentText]:
        """The words of consent, in each language."""
        return list(self._texts.values())

    def text(self, locale: str) -> ConsentText:
        return self._texts[locale]

    def options(self, locale: str) -> ChoiceOptions:
        """What there is to choose from."""
        found = self._options.get(locale)
        if found is None:
            app = self._app
            found = self._options[locale] = choice_options(
                self._pages.formats(locale), self._words(locale), app.codelists, app.digests, self._pages.offered
            )
        return found

    # -- reading

    def prefilled(self, request: Request) -> Sent:
        """A form that nobody has filled in yet: what the address says, where the code lists know it."""
        asked, lists = request.query_params, self._app.codelists
        chosen = Chosen(
            digests=tuple(id for id in self._app.digests if id in asked.getlist("digest")) or tuple(self._app.digests),
            topics=frozenset(code for code in asked.getlist("topic") if code in lists.policy_areas),
            places=frozenset(
                code for code in (*asked.getlist("country"), *asked.getlist("place")) if code in lists.places
            ),
            kinds=frozenset(code for code in asked.getlist("kind") if code in lists.kinds),
            languages=(self.public.locale(request),),
            cadence=self._usual_cadence(),
        )
        return Sent(chosen, Wanted((), "", (), ()), "", {})

    def read(self, locale: str, fields: Fields) -> Sent:
        """A form that was sent."""
        app, texts = self._app, self._words(locale)
        chosen, errors = Chosen.typed(fields), dict[str, str]()
        address = fields.one("address").strip()
        digests = choice_form.digests_of(chosen, app.digests, texts, errors)
        choice = choice_form.choice_of(chosen, app.codelists, texts, errors)
        languages, fallback = choice_form.languages_of(chosen, self._pages.offered, texts, errors)
        cadence, weekday, hour = choice_form.rhythm_of(
            chosen, [app.digests[id] for id in digests], texts, errors, self._pages.formats(locale)
        )
        zone = choice_form.zone_of(chosen, texts, errors)
        group = choice_form.group_of(chosen, app.codelists, texts, errors)
        address = _address(address, texts, errors)
        wishes, rhythms = one_wish(digests, cadence, choice, weekday=weekday, hour=hour)
        return Sent(chosen, Wanted(languages, zone, wishes, rhythms, group, fallback), address, errors)

    def _usual_cadence(self) -> str:
        offered = [cadence for cadence, _, _ in self.options(self._pages.offered[0]).cadences]
        return Chosen().cadence if Chosen().cadence in offered or not offered else offered[0]

    def _words(self, locale: str) -> Texts:
        return self._app.translations.gettext(locale)

    # -- showing

    def show(self, request: Request, sent: Sent, status: int = 200, **facts: Any) -> Response:
        """The form with what stands in it, and what is wrong."""
        locale = self.public.locale(request)
        told = {"preview": None, "too_busy": status == 503, "again_at": "", "previews_over": False, **facts}
        return self.public.show(
            request,
            "subscribe.html",
            place="subscribe",
            status=status,
            options=self.options(locale).for_several(),
            chosen=sent.chosen,
            address=sent.address,
            errors=_in_order(sent.errors),
            consent=self._texts[locale].words,
            trap=TRAP,
            **told,
        )

    def must_wait(self, network: str) -> int:
        """After how many seconds this network may ask for a preview again; 0: at once."""
        return self._previews.take(network, time.monotonic()) if network else 0

    def preview(self, request: Request, sent: Sent) -> Response:
        """The form with what its choices would have brought. Whether the rest of it is complete does not matter yet."""
        return self.show(request, replace(sent, errors={}), preview=self._preview(sent))

    def preview_part(self, request: Request, sent: Sent) -> Response:
        return self.public.show(request, "preview.html", preview=self._preview(sent))

    def too_many(self, request: Request, sent: Sent, again_at: Any) -> Response:
        """429, with the truth: it is the network, not the person."""
        seconds = max(ceil((again_at - self._app.clock.now()).total_seconds()), 1)
        wait = self._pages.formats(self.public.locale(request)).minutes(-(-seconds // 60))
        answer = self.show(request, sent, 429, again_at=wait)
        answer.headers["retry-after"] = str(seconds)
        return answer

    def too_busy(self, request: Request, sent: Sent) -> Response:
        """503: nothing was taken, and all that was typed stands there to be sent again."""
        answer = self.show(request, sent, 503)
        answer.headers["retry-after"] = RETRY_SECONDS
        return answer

    def check_your_mail(self, request: Request) -> Response:
        """The same page for everybody."""
        days = self._app.settings.retention.unconfirmed_days
        return self.public.show(request, "check_your_mail.html", place="subscribe", days=days)

    def _preview(self, sent: Sent) -> dict[str, Any]:
        app, now = self._app, time.monotonic()
        if self._recent is None or now - self._recent[0] > PREVIEW_KEPT_SECONDS:
            with app.store.read() as tx:
                self._recent = now, recent_items(tx, app.clock.now())
        recent = self._recent[1]
        found = preview_choices(recent, sent.wanted, app.digests, app.codelists.places)
        return {
            "shown": found[:PREVIEW_MOST],
            "more": max(len(found) - PREVIEW_MOST, 0),
            "count": len(found),
            "published": len(recent.items),
            "since": recent.since.date(),
        }


def _address(typed: str, texts: Texts, errors: Errors) -> str:
    if not typed:
        errors["address"] = texts.gettext("Please enter your e-mail address.")
        return ""
    try:
        return read_address(typed)
    except RefusedCell:
        errors["address"] = texts.gettext("Please check the address: it looks like name@example.org.")
        return typed[:320]


_ORDER = (
    *("digest", "topic", "place", "kind", "language1", "fallback"),
    *("cadence", "weekday", "hour", "zone", "group", "address"),
)


def _in_order(errors: dict[str, str]) -> dict[str, str]:
    """As the fields stand on the page."""
    return {name: errors[name] for name in _ORDER if name in errors}
