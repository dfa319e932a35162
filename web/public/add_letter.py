"""A second newsletter, from the preferences page: whoever has the link of a mail subscribes to another digest of the
house with it. No confirmation is asked for, as the address was confirmed before (decisions.md, 29)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Status, Subscriber, Subscription
from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.domain.preferences import Wishes, with_wishes
from tribune.domain.sign_up import received
from tribune.services.audience.change_preferences import change_preferences
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.segments.note_visit import note_visit
from web.forms import Fields
from web.pages import Pages
from web.public import choice_form
from web.public.choice_form import Chosen
from web.public.choice_options import ChoiceOptions
from web.public.links import Link, no_link, reader_locale


def may_be_added(app: Application, person: Subscriber | None) -> list[Digest]:
    """The digests of the house that a person has never had."""
    if person is None or person.status not in (Status.ACTIVE, Status.PAUSED):
        return []
    had = {rhythm.digest for rhythm in person.rhythms}
    return [digest for digest in app.digests.values() if digest.id not in had]


def may_come_back(app: Application, person: Subscriber | None) -> list[Digest]:
    """Those that a person has stopped."""
    if person is None:
        return []
    stopped = {rhythm.digest for rhythm in person.rhythms} - received(person)
    return [digest for digest in app.digests.values() if digest.id in stopped]


class AddLetter:
    """Shows the form and stores what it says."""

    def __init__(self, app: Application, pages: Pages, options: Callable[[str], ChoiceOptions]) -> None:
        self._app = app
        self._pages = pages
        self._options = options

    def form(
        self,
        link: Link,
        id: str,
        request: Request,
        back: str,
        query: str,
        chosen: Chosen | None = None,
        errors: dict[str, str] | None = None,
    ) -> Response:
        """The form; who has this digest already is led `back`. Raises NotFound."""
        app = self._app
        person, digest = self._person(link), app.digests.get(id)
        if person is None or digest is None:
            raise no_link()
        if digest not in may_be_added(app, person):
            return RedirectResponse(back, 303)
        locale = reader_locale(app, self._pages, request, person.languages)
        options = self._options(locale)
        return self._pages.render(
            locale,
            "public/preferences_add.html",
            status=422 if errors else 200,
            letter=digest.name(locale),
            options=options.for_one(digest),
            chosen=chosen or _as_they_have_it(person, digest),
            errors=errors or {},
            path="/".join(request.url.path.split("/")[:3]),
            here=request.url.path,
            query=query,
        )

    def save(
        self,
        link: Link,
        id: str,
        request: Request,
        back: Callable[[str], str],
        query: str,
        fields: Fields,
        network: str,
    ) -> Response:
        """Subscribe to it, and go `back`, told what was done. Raises NotFound."""
        app = self._app
        person, digest = self._person(link), app.digests.get(id)
        if person is None or digest is None:
            raise no_link()
        locale = reader_locale(app, self._pages, request, person.languages)
        texts = app.translations.gettext(locale)
        chosen, errors = Chosen.typed(fields), dict[str, str]()
        choice = choice_form.choice_of(chosen, app.codelists, texts, errors)
        timing = choice_form.rhythm_of(chosen, [digest], texts, errors, self._pages.formats(locale))
        if errors:
            return self.form(link, id, request, back("same"), query, chosen, errors)

        def how(one: Subscriber) -> Subscriber:
            return _with(one, digest, choice, timing) if digest in may_be_added(app, one) else one

        refresh_masks(app.store, app.codelists)
        house = app.digests, app.codelists, app.rules.pause_reach_back, app.clock.now()
        try:
            with app.store.write() as tx:
                before, after = change_preferences(tx, link.subscriber, how, *house, network=network)
                note_visit(tx, link.subscriber, app.clock.now())
        except NotFound:
            raise no_link() from None
        return RedirectResponse(back("added" if before != after else "same"), 303)

    def _person(self, link: Link) -> Subscriber | None:
        with self._app.store.read() as tx:
            person = tx.audience.one(link.subscriber)
        return person if person is not None and person.status in (Status.ACTIVE, Status.PAUSED) else None


def _with(person: Subscriber, digest: Digest, choice: Choice, timing: tuple[Cadence, int, int]) -> Subscriber:
    wish = Subscription(digest.id, timing[0], choice)
    return with_wishes(person, digest.id, Wishes((wish,), (timing,)))


def _as_they_have_it(person: Subscriber, digest: Digest) -> Chosen:
    """What they chose for what they have, to begin from."""
    open_ = {(r.digest, r.cadence): r for r in person.rhythms if r.stopped_at is None}
    wish = next((one for one in person.subscriptions if (one.digest, one.cadence) in open_), None)
    chosen = Chosen.of(person, wish, open_.get((wish.digest, wish.cadence)) if wish is not None else None)
    offered = [cadence.value for cadence in digest.cadences]
    return chosen if chosen.cadence in offered else replace(chosen, cadence=offered[0])
