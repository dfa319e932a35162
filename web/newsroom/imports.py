"""Imports in the newsroom: bring a file, say what is in it, see what would come of it, and run it."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.imports import BasisKind, ImportState
from tribune.domain.staff import Permission
from tribune.ports.imports import ImportJob
from tribune.services.audience.csv_file import look_at
from tribune.services.audience.import_columns import columns_of
from tribune.services.imports.plan_import import (
    Plan,
    add_import,
    cancel_import,
    check_import,
    find_import,
    run_import,
)
from tribune.services.imports.preview_import import preview_import
from tribune.services.imports.remove_imports import remove_import
from web import forms
from web.newsroom.access import actor, may, needs
from web.newsroom.failure_words import FailureWords
from web.newsroom.frame import Newsroom
from web.newsroom.import_form import ImportForm, form_of, form_of_plan, plan_of
from web.newsroom.import_words import ImportWords
from web.newsroom.refusal_words import RefusalWords
from web.newsroom.uploads import keep_upload
from web.pages import Pages

PLACE = "people"
LISTED = 50

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Text = Annotated[str, Query(max_length=20)]


def router(app: Application, pages: Pages) -> APIRouter:
    """All pages about imports. Who may change people may bring files, and nobody else sees them."""
    routes = APIRouter(dependencies=[needs(Permission.CHANGE_PEOPLE)])
    desk = ImportPages(app, pages)

    @routes.get("/{locale}/newsroom/imports")
    def imports(request: Request, removed: Text = "") -> Response:
        return desk.list(request, removed=bool(removed))

    @routes.post("/{locale}/newsroom/imports")
    async def bring(request: Request) -> Response:
        most = app.settings.imports.most_megabytes * 1_000_000
        try:
            id, name, size = await keep_upload(request, "file", app.import_files, most)
        except HTTPException as error:
            if error.status_code != 413:
                raise
            return await run_in_threadpool(desk.list, request, error="large")
        if not id:
            return await run_in_threadpool(desk.list, request, error="none")
        return await run_in_threadpool(desk.bring, request, id, name, size)

    @routes.get("/{locale}/newsroom/imports/{id}")
    def one(request: Request, id: Id) -> Response:
        return desk.one(request, id)

    @routes.post("/{locale}/newsroom/imports/{id}/check")
    async def check(request: Request, id: Id) -> Response:
        fields = await forms.read_fields(request, most_bytes=100_000)
        return await run_in_threadpool(desk.check, request, id, fields)

    @routes.post("/{locale}/newsroom/imports/{id}/{act}")
    def act(request: Request, id: Id, act: Annotated[str, Path(pattern="^(run|cancel|remove)$")]) -> Response:
        return desk.act(request, id, act)

    @routes.get("/{locale}/newsroom/imports/{id}/report")
    def report(request: Request, id: Id) -> Response:
        desk.frame.locale(request)
        with app.store.read() as tx:
            job = find_import(tx, id)
        path = app.import_files.report(id)
        if job.state not in (ImportState.CHECKED, ImportState.DONE, ImportState.CANCELLED) or not path.exists():
            raise HTTPException(404)
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        return FileResponse(
            path, media_type="text/csv; charset=utf-8", filename=f"import-{id[:8]}.csv", headers=headers
        )

    return routes


class ImportPages:
    """Shows the pages."""

    def __init__(self, app: Application, pages: Pages) -> None:
        self._app = app
        self._pages = pages
        self.frame = Newsroom(app, pages)

    def list(self, request: Request, *, error: str = "", removed: bool = False) -> Response:
        """The jobs, and the form to bring a file."""
        with self._app.store.read() as tx:
            jobs = tx.imports.recent(LISTED)
        most = self._app.settings.imports.most_megabytes
        status = {"": 200, "large": 413}.get(error, 422)
        return self._show(
            request, "imports.html", status=status, jobs=jobs, error=error, most=most, done_removed=removed
        )

    def bring(self, request: Request, id: str, name: str, size: int) -> Response:
        """A file has come; one that is no CSV file goes again."""
        try:
            look_at(self._app.import_files.file(id))
            with self._app.store.write() as tx:
                add_import(tx, id, name, size, actor(request), self._app.clock.now())
        except BaseException as error:
            self._app.import_files.remove(id)
            if not isinstance(error, InvalidInput):
                raise
            return self.list(request, error="unreadable")
        return RedirectResponse(f"{self.frame.home(request)}/imports/{id}", 303)

    def one(self, request: Request, id: str, form: ImportForm | None = None) -> Response:
        """A job as it stands."""
        with self._app.store.read() as tx:
            job = find_import(tx, id)
        facts: dict[str, Any] = {"job": job, "form": form, "preview": None, "status": 422 if form else 200}
        if job.state in (ImportState.UPLOADED, ImportState.CHECKED) and job.removed_at is None:
            self._preview(job, facts)
        facts["moving"] = job.state.works
        return self._show(request, "import.html", **facts)

    def _preview(self, job: ImportJob, facts: dict[str, Any]) -> None:
        path = self._app.import_files.file(job.id)
        if not path.exists():
            return
        form: ImportForm | None = facts["form"]
        told, defaults = None, None
        if form is not None:
            told, defaults = form.columns, form.defaults
        elif job.plan:
            kept = Plan.from_json(job.plan).columns
            defaults = dict(kept.defaults)
            with suppress(InvalidInput):  # else they go by their names
                told = columns_of(look_at(path).header, kept.told, kept.defaults)
        preview = preview_import(path, self._app.digests, self._app.codelists, told, defaults)
        facts["preview"] = preview
        facts["form"] = form or form_of_plan(preview.columns, job.plan)

    def check(self, request: Request, id: str, fields: forms.Fields) -> Response:
        """The form was filled in: a dry run begins, or the errors are shown; "look" only shows the preview anew."""
        path = self._app.import_files.file(id)
        if not path.exists():
            raise HTTPException(404)
        form = form_of(fields, len(look_at(path).header))
        texts = self._app.translations.gettext(self.frame.locale(request))
        if fields.one("do") == "look":
            return self.one(request, id, form)
        plan = plan_of(form, texts, self._app.clock.now())
        if plan is None:
            return self.one(request, id, form)
        return self._moved(request, id, lambda tx, now: check_import(tx, id, plan, actor(request), now))

    def act(self, request: Request, id: str, act: str) -> Response:
        """Run, cancel or remove."""
        if act == "remove":
            with self._app.store.write() as tx:
                remove_import(tx, self._app.import_files, id, actor(request), self._app.clock.now())
            return RedirectResponse(f"{self.frame.home(request)}/imports?removed=1", 303)
        service = run_import if act == "run" else cancel_import
        return self._moved(request, id, lambda tx, now: service(tx, id, actor(request), now))

    def _moved(self, request: Request, id: str, change: Any) -> Response:
        try:
            with self._app.store.write() as tx:
                change(tx, self._app.clock.now())
        except Conflict:
            pass  # it went on meanwhile: the page shows where it stands
        return RedirectResponse(f"{self.frame.home(request)}/imports/{id}", 303)

    def _show(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> Response:
        locale = self.frame.locale(request)
        texts = self._app.translations.gettext(locale)
        words = ImportWords(texts)
        facts["refusals"] = RefusalWords(texts, self._pages.formats(locale))
        facts["failures"] = FailureWords(texts, self._pages.formats(locale))
        preview = facts.get("preview")
        facts["missing"] = [words.column(name) for name in preview.missing] if preview else []
        facts["groups"] = [(code.code, code.label(locale)) for code in self._app.codelists.groups]
        facts["digest_options"] = [(digest.id, digest.name(locale)) for digest in self._app.digests.values()]
        told = {"told": words, "kinds": list(BasisKind), "may_change": may(request, Permission.CHANGE_PEOPLE)}
        return self.frame.show(request, template, PLACE, status=status, **told, **facts)
