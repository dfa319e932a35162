"""Somebody is added by hand, or changed: who they are, what they receive and when. The fields are those of the
preference centre (web/public/choice_form.py); what is stored is told by tribune/services/people/save_person.py."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from tribune.bootstrap import Application
from tribune.domain.audience import Status, Subscriber, Subscription
from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.imports import BasisKind
from tribune.domain.preferences import wish_key, wish_named
from tribune.domain.sign_up import one_wish
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.audience.subscriber_cells import RefusedCell, read_address, typed_name
from tribune.services.people.by import By
from tribune.services.people.find_people import existing
from tribune.services.people.save_person import Told, add_person, change_person
from web.forms import Fields
from web.newsroom.access import actor
from web.newsroom.frame import Newsroom
from web.newsroom.import_form import basis_of
from web.newsroom.import_words import ImportWords
from web.newsroom.people_words import PeopleWords
from web.pages import Pages
from web.public import choice_form
from web.public.choice_form import Chosen
from web.public.choice_options import ChoiceOptions

PLACE = "people"
FIELD_OF = {"languages": "language1", "subscriptions": "topic", "rhythms": "cadence"}
"""Where a page shows what a service says of a place."""


@dataclass(slots=True)
class PersonForm:
    """What stands in the fields, and what is wrong with it (field -> what to do)."""

    chosen: Chosen = field(default_factory=Chosen)
    address: str = ""
    name: str = ""
    basis: str = ""
    source: str = ""
    given: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def typed(cls, fields: Fields) -> PersonForm:
        """From a form that was sent."""
        address, name, basis, source, given = (
            fields.one(field).strip() for field in ("address", "name", "basis", "source", "given")
        )
        return cls(Chosen.typed(fields), address, typed_name(name), basis, source, given)


_ORDER = (
    *("address", "name", "group", "zone", "language1", "fallback", "digest", "topic", "place", "kind"),
    *("cadence", "weekday", "hour", "basis", "source", "given"),
)
"""As the fields stand on the pages."""


class PersonForms:
    """Reads and shows the two forms."""

    def __init__(self, app: Application, pages: Pages, options: Callable[[str], ChoiceOptions]) -> None:
        self._app = app
        self._pages = pages
        self._options = options
        self._frame = Newsroom(app, pages)

    # -- somebody new

    def new(self, request: Request, form: PersonForm | None = None, status: int = 200) -> Response:
        """The form in which somebody is added."""
        locale = self._frame.locale(request)
        if form is None:
            form = PersonForm(Chosen(digests=tuple(self._app.digests)[:1], languages=(locale,), group="other"))
        words = ImportWords(self._app.translations.gettext(locale))
        return self._show(request, "person_new.html", form, status, told=words, kinds=list(BasisKind))

    def add(self, request: Request, fields: Fields) -> Response:
        """Somebody is added, or what is wrong is shown."""
        app, form = self._app, PersonForm.typed(fields)
        texts = app.translations.gettext(self._frame.locale(request))
        told = self._told(form, texts, self._formats(request))
        basis = basis_of(form, texts, app.clock.now())
        try:
            read_address(form.address)
        except RefusedCell:
            form.errors["address"] = PeopleWords(texts).wrong("address")
        if form.errors or basis is None:
            return self.new(request, form, 422)
        refresh_masks(app.store, app.codelists)
        house = app.digests, app.codelists, app.clock.now()
        try:
            with app.store.write() as tx:
                made = add_person(tx, form.address, told, basis, By(actor(request)), *house)
        except InvalidInput as error:
            _take_faults(form, error, texts)
            return self.new(request, form, 422)
        except Conflict as error:
            form.errors["address"] = PeopleWords(texts).conflict(error.where)
            return self.new(request, form, 409)
        return RedirectResponse(f"{self._frame.home(request)}/people/{made.id}?done=added", 303)

    # -- somebody who is there

    def one(
        self, request: Request, id: int, key: str, form: PersonForm | None = None, status: int = 200, notice: str = ""
    ) -> Response:
        """The form in which somebody is changed; `key` names one of their subscriptions. Raises NotFound."""
        with self._app.store.write() as tx:
            person = existing(tx, id)
            tx.audit.add(actor(request), "person.seen", f"subscriber/{id}", {}, self._app.clock.now())
        wish = _wish(person, key)
        if form is None:
            rhythms = {(r.digest, r.cadence): r for r in person.rhythms}
            rhythm = rhythms.get((wish.digest, wish.cadence)) if wish is not None else None
            form = PersonForm(Chosen.of(person, wish, rhythm), name=person.name)
        facts = {
            "person": person,
            "wish": wish,
            "of": wish_key(wish) if wish is not None else "",
            "several": wish is not None and sum(s.digest == wish.digest for s in person.subscriptions) > 1,
            "as_of": _as_of(person),
            "notice": notice,
        }
        return self._show(request, "person_change.html", form, status, **facts)

    def change(self, request: Request, id: int, key: str, fields: Fields) -> Response:
        """Somebody is changed, or what is wrong is shown. Raises NotFound."""
        app, form = self._app, PersonForm.typed(fields)
        texts = app.translations.gettext(self._frame.locale(request))
        with app.store.read() as tx:
            person = existing(tx, id)
        wish = _wish(person, key)
        if fields.one("as_of") != _as_of(person):
            return self.one(request, id, "", status=409, notice="meanwhile")
        told = self._told(form, texts, self._formats(request), person, wish)
        if form.errors:
            return self.one(request, id, key, form, 422)

        def seen(now_there: Subscriber) -> None:
            if _as_of(now_there) != fields.one("as_of"):
                raise Conflict("This person has changed meanwhile.", where="meanwhile")

        refresh_masks(app.store, app.codelists)
        house = app.digests, app.codelists, app.rules.pause_reach_back, app.clock.now()
        try:
            with app.store.write() as tx:
                before, after = change_person(tx, id, told, seen, By(actor(request)), *house)
        except InvalidInput as error:
            _take_faults(form, error, texts)
            return self.one(request, id, key, form, 422)
        except Conflict as error:
            return self.one(request, id, "", status=409, notice=error.where)
        done = "changed" if before != after else "same"
        return RedirectResponse(f"{self._frame.home(request)}/people/{id}?done={done}", 303)

    # -- what they share

    def _told(
        self,
        form: PersonForm,
        texts: Texts,
        formats: Formats,
        person: Subscriber | None = None,
        wish: Subscription | None = None,
    ) -> Told:
        """What the form says; what is wrong with it goes to its errors. Of somebody who is there (`person`) it is about
        one subscription, or about none."""
        app, chosen, errors = self._app, form.chosen, form.errors
        known = (*self._pages.offered, *(person.languages if person is not None else ()))
        languages, fallback = choice_form.languages_of(chosen, known, texts, errors)
        if person is not None:
            languages = choice_form.and_further(languages, person)
        zone = chosen.zone
        if person is None or zone != person.zone:
            zone = choice_form.zone_of(chosen, texts, errors)
        group = choice_form.group_of(chosen, app.codelists, texts, errors)
        told = Told(name=form.name, group=group, languages=languages, zone=zone, fallback=fallback)
        if person is not None and wish is None:
            return told
        digests = (wish.digest,) if wish else choice_form.digests_of(chosen, app.digests, texts, errors)
        choice = choice_form.choice_of(chosen, app.codelists, texts, errors)
        offering = [app.digests[id] for id in digests if id in app.digests]
        cadence, weekday, hour = choice_form.rhythm_of(chosen, offering, texts, errors, formats)
        wishes, rhythms = one_wish(digests, cadence, choice, weekday=weekday, hour=hour)
        others = [one for one in (person.subscriptions if person is not None else ()) if one != wish]
        return replace(
            told,
            subscriptions=[*others, *wishes],
            rhythms={(r.digest, r.cadence): (r.weekday, r.hour) for r in rhythms},
        )

    def _formats(self, request: Request) -> Formats:
        return self._pages.formats(self._frame.locale(request))

    def _show(self, request: Request, template: str, form: PersonForm, status: int, **facts: Any) -> Response:
        options = self._options(self._frame.locale(request))
        wish = facts.get("wish")
        if wish is None:
            options = options.for_several()
        elif wish.digest in self._app.digests:
            options = options.for_one(self._app.digests[wish.digest])
        form.errors = {name: form.errors[name] for name in (*_ORDER, *form.errors) if name in form.errors}
        told = {"form": form, "errors": form.errors, "chosen": form.chosen, "options": options, **facts}
        return self._frame.show(request, template, PLACE, status=status, **told)


def _wish(person: Subscriber, key: str) -> Subscription | None:
    """The subscription of that name that staff may change; without a name the first one. None where there is none:
    who has not confirmed, or has unsubscribed, chooses for themselves."""
    if person.status in (Status.PENDING, Status.UNSUBSCRIBED):
        return None
    stopped = {r.digest for r in person.rhythms if r.stopped_at is not None}
    open_ = [one for one in person.subscriptions if one.digest not in stopped]
    named = wish_named(person, key) if key else None
    return named if named in open_ else next(iter(open_), None)


def _as_of(person: Subscriber) -> str:
    """Tells whether somebody is still as the form showed them."""
    rhythms = [(r.digest, r.cadence.value, r.weekday, r.hour, r.stopped_at) for r in person.rhythms]
    wishes = sorted(map(wish_key, person.subscriptions))
    told = (person.name, person.group, person.languages, person.zone, person.fallback.value, person.status.value)
    return hashlib.blake2b(repr((told, wishes, rhythms)).encode(), digest_size=12).hexdigest()


def _take_faults(form: PersonForm, error: InvalidInput, texts: Texts) -> None:
    """What the service found wrong, beside the fields that it is about."""
    words = PeopleWords(texts)
    for fault in error.faults:
        place = fault.pointer.split("/")[1] if "/" in fault.pointer else fault.pointer
        form.errors.setdefault(FIELD_OF.get(place, place), words.wrong(place))
