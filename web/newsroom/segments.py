"""Segments in the newsroom: the list, one segment and who is in it, why somebody is, and the builder of rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.audience import Subscriber
from tribune.domain.audit import AuditFilter, Facts
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.segment_json import Known, read, to_json
from tribune.domain.segment_problems import InvalidRule, Problem
from tribune.domain.segments import Rule
from tribune.domain.staff import Permission
from tribune.ports.segments import Segment
from tribune.ports.store import Transaction
from tribune.rendering.formats import Formats
from tribune.rendering.segment_faults import SegmentFaults
from tribune.rendering.segment_reasons import SegmentReasons
from tribune.rendering.segment_words import Line, SegmentWords
from tribune.services.segments.archive_segment import archive_segment, restore_segment
from tribune.services.segments.find_segment import find_segment
from tribune.services.segments.save_segment import Draft, save_segment
from tribune.services.segments.say_why_in_segment import say_why_in_segment
from tribune.services.segments.see_segment import Seen, see_segment
from web import forms
from web.newsroom.access import actor, may, needs, staff_names
from web.newsroom.frame import Newsroom
from web.newsroom.segment_form import Form, Written, act, form_of, read_fields, whole_number, write
from web.newsroom.segment_options import options
from web.pages import Pages

MOST_BYTES, MOST_FIELDS = 400_000, 20_000
PLACE = "segments"
LOOKED_BACK, A_MINUTE = 20, timedelta(minutes=1)

Slug = Annotated[str, Path(max_length=60)]
Text = Annotated[str, Query(max_length=20)]


def router(app: Application, pages: Pages) -> APIRouter:
    """All pages about segments."""
    routes = APIRouter(dependencies=[needs(Permission.READ_SEGMENTS)])
    desk = SegmentPages(Newsroom(app, pages))
    _build(routes, desk)
    _look(routes, desk)
    return routes


def _look(routes: APIRouter, desk: SegmentPages) -> None:
    app = desk.app

    @routes.get("/{locale}/newsroom/segments")
    def segments(request: Request, archived: Text = "") -> Response:
        with app.store.read() as tx:
            found = tx.segments.all(archived=bool(archived))
        words = desk.words(request)
        told = [(segment, words.rule(segment.rule)) for segment in found]
        return desk.show(request, "segments.html", segments=told, archived=bool(archived))

    @routes.get("/{locale}/newsroom/segments/{slug}")
    def segment(request: Request, slug: Slug, done: Text = "") -> Response:
        with app.store.read() as tx:
            found = find_segment(tx, slug)
            versions = tx.segments.versions(found.id)
            names = staff_names(request, tx)
            sight = desk.see(tx, request, found.rule)
        desk.write_down(request, sight)
        return desk.show(
            request,
            "segment.html",
            segment=found,
            result=sight,
            versions=versions,
            names=names,
            json=json.dumps(to_json(found.rule), ensure_ascii=False, indent=2),
            done=done,
        )

    @routes.get("/{locale}/newsroom/segments/{slug}/why")
    def why(request: Request, slug: Slug, person: Text = "") -> Response:
        wanted = person.strip()
        with app.store.read() as tx:
            found = find_segment(tx, slug)
            facts: dict[str, Any] = {"segment": found, "asked": wanted, "why": None, "answer": "", "reason": None}
            facts["trouble"] = False
            if wanted.isascii() and wanted.isdigit() and 0 < int(wanted) < 2**31:
                try:
                    told = say_why_in_segment(tx, found.rule, int(wanted), app.codelists, app.clock.now())
                    reasons = desk.reasons(request)
                    verdict = told.verdict
                    facts |= {"why": told, "answer": reasons.answer(verdict)}
                    facts["reason"] = reasons.reason(verdict.found) if verdict.found is not None else None
                except NotFound:
                    pass  # the page says so
                except Conflict:
                    facts["trouble"] = True
        return desk.show(request, "segment_why.html", **facts)


def _build(routes: APIRouter, desk: SegmentPages) -> None:
    app = desk.app
    changing = [needs(Permission.CHANGE_SEGMENTS)]

    @routes.get("/{locale}/newsroom/segments/new", dependencies=changing)
    def new(request: Request) -> Response:
        return desk.builder(request, form_of(Rule(None)), None)

    @routes.post("/{locale}/newsroom/segments/new", dependencies=changing)
    async def create(request: Request) -> Response:
        fields = (await forms.read_fields(request, MOST_BYTES, MOST_FIELDS)).pairs
        return await run_in_threadpool(desk.work, request, fields, "")

    @routes.post("/{locale}/newsroom/segments/live", dependencies=changing)
    async def live(request: Request) -> Response:
        fields = (await forms.read_fields(request, MOST_BYTES, MOST_FIELDS)).pairs
        return await run_in_threadpool(desk.live, request, fields)

    @routes.get("/{locale}/newsroom/segments/{slug}/edit", dependencies=changing)
    def edit(request: Request, slug: Slug) -> Response:
        with app.store.read() as tx:
            found = find_segment(tx, slug)
        if found.archived_at is not None:
            return RedirectResponse(f"{desk.home(request)}/{slug}", 303)
        return desk.builder(request, form_of(found.rule, found.name, found.description, str(found.version)), found)

    @routes.post("/{locale}/newsroom/segments/{slug}/edit", dependencies=changing)
    async def change(request: Request, slug: Slug) -> Response:
        fields = (await forms.read_fields(request, MOST_BYTES, MOST_FIELDS)).pairs
        return await run_in_threadpool(desk.work, request, fields, slug)

    @routes.post("/{locale}/newsroom/segments/{slug}/archive", dependencies=changing)
    def archive(request: Request, slug: Slug) -> Response:
        with app.store.write() as tx:
            archive_segment(tx, slug, actor(request), app.clock.now())
        return RedirectResponse(f"{desk.home(request)}/{slug}?done=archived", 303)

    @routes.post("/{locale}/newsroom/segments/{slug}/restore", dependencies=changing)
    def restore(request: Request, slug: Slug) -> Response:
        with app.store.write() as tx:
            restore_segment(tx, slug, actor(request), app.clock.now())
        return RedirectResponse(f"{desk.home(request)}/{slug}?done=restored", 303)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a rule means, how many it selects, and a few of them (`named`: those who may be shown by name). Without
    `seen` the rule is not complete, or with `trouble` the code lists are being brought in step."""

    meaning: tuple[Line, ...] = ()
    seen: Seen | None = None
    named: Mapping[int, Subscriber] = field(default_factory=dict)
    trouble: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What a form says: its rule, or what is wrong with it; `errors`: field -> words."""

    written: Written
    rule: Rule | None
    errors: dict[str, str]


class SegmentPages:
    """Shows the pages, and does what the builder's buttons say."""

    def __init__(self, newsroom: Newsroom) -> None:
        self._newsroom = newsroom
        self.app = newsroom.app

    # -- answers

    def show(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
        told = {"may_change": may(request, Permission.CHANGE_SEGMENTS), "home": self.home(request), **facts}
        return self._newsroom.show(request, template, PLACE, status=status, **told)

    def home(self, request: Request) -> str:
        """Where segments are: `/en/newsroom/segments`."""
        return f"{self._newsroom.home(request)}/segments"

    def builder(
        self,
        request: Request,
        form: Form,
        segment: Segment | None,
        *,
        status: int = 200,
        errors: dict[str, str] | None = None,
        conflict: Segment | None = None,
        counted: bool = False,
    ) -> Response:
        """The page that builds a rule. `errors`: what to say of fields; `counted`: say how many are in."""
        with self.app.store.read() as tx:
            tags = list(tx.segments.tags())
            result = self._result(tx, request, form) if counted or segment is not None else None
        self.write_down(request, result)
        return self.show(
            request,
            "segment_edit.html",
            status=status,
            form=form,
            segment=segment,
            errors=errors or {},
            conflict=conflict,
            result=result,
            options=options(self.app, self._texts(request), self._formats(request), self.words(request), tags),
        )

    def work(self, request: Request, fields: list[tuple[str, str]], slug: str) -> Response:
        """What the button that was pressed does. Nothing that was typed is lost."""
        form = read_fields(fields, self.app.codelists)
        told = dict(fields)
        do = told.get("do", "count")
        segment = None
        if slug:
            with self.app.store.read() as tx:
                segment = find_segment(tx, slug)
        if do == "save":
            return self._save(request, form, segment)
        kind = told.get(f"{do.partition(':')[2]}.new", "") if do.startswith("add:") else ""
        form = act(form, do, kind)
        counting = do == "count"
        checked = self._check(request, form)
        return self.builder(request, form, segment, errors=checked.errors if counting else {}, counted=True)

    def live(self, request: Request, fields: list[tuple[str, str]]) -> Response:
        """How many the half-finished rule selects, as a part of the page."""
        form = read_fields(fields, self.app.codelists)
        with self.app.store.read() as tx:
            result = self._result(tx, request, form)
        self.write_down(request, result, again=False)
        locale = self.locale(request)
        return self._newsroom.pages.render(locale, "newsroom/segment_result.html", result=result)

    def _save(self, request: Request, form: Form, segment: Segment | None) -> Response:
        checked = self._check(request, form)
        errors = dict(checked.errors)
        conflict = None
        if checked.rule is not None:
            version = whole_number(form.version) if segment else None
            slug = segment.slug if segment else ""
            draft = Draft(form.name, form.description, checked.rule, slug, version or None, once=True)
            try:
                if segment is not None and version is None:
                    raise HTTPException(400)
                with self.app.store.write() as tx:
                    saved = save_segment(tx, draft, actor(request), self.app.clock.now())
                return RedirectResponse(f"{self.home(request)}/{saved.slug}?done=saved", 303)
            except InvalidRule as wrong:
                errors |= self._said(request, checked.written, wrong.problems)
            except InvalidInput as wrong:
                errors[wrong.where or "name"] = self._said_of(request, wrong)
            except Conflict:
                with self.app.store.read() as tx:
                    conflict = find_segment(tx, segment.slug) if segment else None
                if conflict is None:
                    raise
                form.version = str(conflict.version)  # the next time, it is saved over theirs
        elif not form.name.strip():
            errors = {"name": self._texts(request).gettext("Give the segment a name."), **errors}
        return self.builder(
            request, form, segment, status=409 if conflict else 422, errors=errors, conflict=conflict, counted=True
        )

    # -- what is in them

    def see(self, tx: Transaction, request: Request, rule: Rule) -> Sight:
        """How many are in, and a few of them; or that the code lists are being brought in step just now."""
        meaning = self.words(request).rule(rule)
        try:
            seen = see_segment(tx, rule, self.app.codelists, self.app.clock.now())
        except Conflict:
            return Sight(meaning, trouble=True)
        named: dict[int, Subscriber] = {}
        if may(request, Permission.READ_PEOPLE):
            named = {one.id: one for facts in seen.sample if (one := tx.audience.one(facts.id)) is not None}
        return Sight(meaning, seen, named)

    def write_down(self, request: Request, sight: Sight | None, *, again: bool = True) -> None:
        """Write down whom a page names, by their numbers. `again` False: not what the newest entries of this member of
        staff say already, of the last minute: a rule is counted with each sign that is typed."""
        if sight is None or not sight.named:
            return
        now, who = self.app.clock.now(), actor(request)
        facts: Facts = {"people": len(sight.named), "numbers": " ".join(map(str, sight.named))}
        with self.app.store.write() as tx:
            newest = () if again else tx.audit.newest(LOOKED_BACK, AuditFilter(actor=who, since=now - A_MINUTE))
            if not any(one.action == "people.listed" and one.facts == facts for one in newest):
                tx.audit.add(who, "people.listed", "", facts, now)

    def _result(self, tx: Transaction, request: Request, form: Form) -> Sight:
        checked = self._check(request, form)
        return Sight() if checked.rule is None else self.see(tx, request, checked.rule)

    def _check(self, request: Request, form: Form) -> Checked:
        written = write(form)
        try:
            return Checked(written, read(written.rule, Known(self.app.codelists, self.app.digests)), {})
        except InvalidRule as wrong:
            return Checked(written, None, self._said(request, written, wrong.problems))

    # -- words

    def locale(self, request: Request) -> str:
        return self._newsroom.locale(request)

    def _texts(self, request: Request) -> Any:
        return self.app.translations.gettext(self.locale(request))

    def _formats(self, request: Request) -> Formats:
        return self._newsroom.pages.formats(self.locale(request))

    def words(self, request: Request) -> SegmentWords:
        return self._newsroom.pages.segment_words(self.locale(request))

    def reasons(self, request: Request) -> SegmentReasons:
        return SegmentReasons(self.words(request), self._texts(request), self._formats(request))

    def _said(self, request: Request, written: Written, problems: tuple[Problem, ...]) -> dict[str, str]:
        formats, lists = self._formats(request), self.app.codelists

        def name_of(code: str) -> str:
            for codes in (lists.places.codelist, lists.policy_areas, lists.kinds, lists.groups):
                if code in codes:
                    return codes.label(code, formats.locale)
            return code

        faults = SegmentFaults(self._texts(request), formats, name_of)
        said: dict[str, list[str]] = {}
        for problem in problems:
            said.setdefault(written.field_of(problem), []).append(faults.text(problem))
        return {name: " ".join(dict.fromkeys(texts)) for name, texts in said.items()}

    def _said_of(self, request: Request, wrong: InvalidInput) -> str:
        _ = self._texts(request).gettext
        if wrong.where == "name" and "no name" in wrong.what:
            return str(_("Give the segment a name."))
        return str(_("This text is too long, or holds signs that cannot be shown."))
