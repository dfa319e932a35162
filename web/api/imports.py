"""Imports of people: bring a file, look at it, have it checked, run it, and read what became of each row."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool

from tribune.domain.errors import Conflict, Fault, InvalidInput, NotFound
from tribune.domain.imports import ImportState, Outcome
from tribune.domain.staff import Permission
from tribune.ports.imports import ImportJob
from tribune.ports.store import Transaction
from tribune.services.audience.csv_file import MAX_COLUMNS, look_at
from tribune.services.audience.import_columns import columns_of
from tribune.services.audience.import_subscribers import Columns
from tribune.services.audience.subscriber_rows import COLUMNS
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
from web.api.access import CSV, needs_scope
from web.api.calls import Call, Doing, Done, Looking
from web.api.people_shapes import BasisIn
from web.api.problem_kinds import TOO_LARGE, WRONG_MEDIA_TYPE
from web.api.problems import Problem
from web.api.shapes import In, Out

CHANGE = [needs_scope(Permission.CHANGE_PEOPLE)]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Its id.")]
Cell = Annotated[str, StringConstraints(max_length=300)]
Move = Callable[[Transaction, str, str, datetime], None]
_TABLE: dict[str, Any] = {CSV: {"schema": {"type": "string"}}}
_REPORTED = (ImportState.CHECKED, ImportState.DONE, ImportState.CANCELLED)


class ImportOut(Out):
    """A file that was brought, and how far it has come. Only its columns and numbers are told here."""

    id: str
    by: str = Field(description="Who brought it: `staff/3`, `token/2`.")
    file_name: str
    bytes: int
    state: ImportState
    rows: int = Field(description="How many the file has; 0: not counted yet.")
    done: int = Field(description="Rows that were gone through.")
    added: int = Field(description="People.")
    changed: int = Field(description="People.")
    unchanged: int = Field(description="People.")
    outcomes: dict[Outcome, int] = Field(description="Rows, by what was done with each.")
    reason: str = Field(description="Why it failed.")
    created_at: datetime
    changed_at: datetime
    removed_at: datetime | None = Field(description="Since when file and report are gone.")


class ImportsOut(Out):
    """The imports of late, the newest first."""

    data: list[ImportOut]


class FaultOfRowOut(Out):
    """Why a row would be refused."""

    column: str
    reason: str
    hint: str


class RowOut(Out):
    """A row of the file as it would be read."""

    number: int = Field(description="As a spreadsheet counts: the header is 1.")
    cells: list[str]
    refused: FaultOfRowOut | None


class PreviewOut(Out):
    """The first rows of a file, and what its columns are taken for."""

    header: list[str]
    columns: list[str] = Field(description="What each column is taken for; empty: passed over.")
    missing: list[str] = Field(description="What a person needs, and neither the file nor a default gives.")
    encoding: str
    delimiter: str
    rows: list[RowOut]


class PlanIn(In):
    """What is in a file, and on what ground the people in it are written to."""

    basis: BasisIn
    columns: Annotated[dict[Cell, Cell], Field(max_length=MAX_COLUMNS)] = Field(
        default_factory=dict,
        description="A column of the file, as the preview's header writes it or by its place (`#3`) -> ours; empty:"
        " passed over. Others go by their names.",
    )
    defaults: Annotated[dict[Cell, Cell], Field(max_length=20)] = Field(
        default_factory=dict, description="Ours -> what holds where there is no such column, or the cell is empty."
    )


def add(routes: APIRouter) -> None:
    """`/imports`."""
    _bringing(routes)
    _looking(routes)
    _moving(routes)


def _bringing(routes: APIRouter) -> None:
    @routes.post(
        "/v1/imports",
        tags=["imports"],
        dependencies=CHANGE,
        status_code=201,
        response_model=ImportOut,
        openapi_extra={
            "x-takes": CSV,
            "requestBody": {"required": True, "content": _TABLE},
        },
    )
    async def bring_import(
        call: Doing,
        request: Request,
        file_name: Annotated[str, Query(max_length=200, description="The name that it had.")] = "people.csv",
    ) -> Response:
        """Bring a file of people (CSV) as the body. Nothing is taken in by it: look at it, have it checked, run it."""
        id, file = await run_in_threadpool(call.house.import_files.create)
        try:
            size, told = await _receive(request, file, call.house.settings.imports.most_megabytes * 1_000_000)
            request._body = told  # a hash of the file stands for it where a key is looked at
            answer = await run_in_threadpool(_bring, call, id, file_name, size)
        except BaseException:
            call.house.import_files.remove(id)
            raise
        if "idempotency-replayed" in answer.headers:  # the file is there already
            call.house.import_files.remove(id)
        return answer


def _looking(routes: APIRouter) -> None:
    @routes.get("/v1/imports", tags=["imports"], dependencies=CHANGE)
    def list_imports(
        call: Looking, limit: Annotated[int, Query(ge=1, le=200, description="How many, at most.")] = 50
    ) -> ImportsOut:
        """The imports of late."""
        with call.house.store.read() as tx:
            return ImportsOut(data=[_import_out(job) for job in tx.imports.recent(limit)])

    @routes.get("/v1/imports/{id}", tags=["imports"], dependencies=CHANGE)
    def get_import(call: Looking, id: Id) -> ImportOut:
        """One import, and how far it has come."""
        with call.house.store.read() as tx:
            return _import_out(find_import(tx, id))

    @routes.get("/v1/imports/{id}/preview", tags=["imports"], dependencies=CHANGE)
    def preview_of_import(call: Looking, id: Id) -> PreviewOut:
        """The first rows of a file that was brought, with what is wrong in each."""
        with call.house.store.read() as tx:
            find_import(tx, id)
        told = preview_import(_file(call, id), call.house.digests, call.house.codelists)
        return PreviewOut(
            header=list(told.header),
            columns=list(told.columns),
            missing=list(told.missing),
            encoding=told.encoding,
            delimiter=told.delimiter,
            rows=[
                RowOut(
                    number=row.number,
                    cells=list(row.cells),
                    refused=FaultOfRowOut(column=one.column, reason=one.reason, hint=one.hint)
                    if (one := row.refusal)
                    else None,
                )
                for row in told.rows
            ],
        )

    @routes.get(
        "/v1/imports/{id}/report",
        tags=["imports"],
        dependencies=CHANGE,
        response_class=Response,
        responses={200: {"description": "What was done with each row.", "content": _TABLE}},
    )
    def get_report_of_import(call: Looking, id: Id) -> Response:
        """What was done, or would be, with each row: CSV, safe to open in a spreadsheet."""
        with call.house.store.read() as tx:
            job = find_import(tx, id)
        path = call.house.import_files.report(id)
        if job.state not in _REPORTED or not path.exists():
            raise NotFound("There is no report of this import, or not yet.")
        return FileResponse(path, media_type=f"{CSV}; charset=utf-8", filename=f"import-{id[:8]}.csv")


def _moving(routes: APIRouter) -> None:
    @routes.post(
        "/v1/imports/{id}/check",
        name="have_import_checked",
        tags=["imports"],
        dependencies=CHANGE,
        response_model=ImportOut,
    )
    def check(call: Doing, id: Id, plan: PlanIn) -> Response:
        """Say what is in the file, and have all of it gone through without anything being written."""
        with call.house.store.read() as tx:
            find_import(tx, id)
        path = _file(call, id)
        told = Plan(plan.basis.basis(call.house.clock.now()), Columns(plan.columns, plan.defaults))
        _fits(told.columns, look_at(path).header)
        return _move(call, id, lambda tx, id, actor, now: check_import(tx, id, told, actor, now))

    @routes.post(
        "/v1/imports/{id}/run",
        name="run_import",
        tags=["imports"],
        dependencies=CHANGE,
        response_model=ImportOut,
    )
    def run(call: Doing, id: Id) -> Response:
        """Take in a file that has been checked, as it was checked."""
        return _move(call, id, run_import)

    @routes.post(
        "/v1/imports/{id}/cancel",
        name="cancel_import",
        tags=["imports"],
        dependencies=CHANGE,
        response_model=ImportOut,
    )
    def cancel(call: Doing, id: Id) -> Response:
        """Stop. What was taken in stands; nothing more follows."""
        return _move(call, id, cancel_import)

    @routes.post(
        "/v1/imports/{id}/remove",
        name="remove_import",
        tags=["imports"],
        dependencies=CHANGE,
        response_model=ImportOut,
    )
    def remove(call: Doing, id: Id) -> Response:
        """Delete the file and its report, which hold personal data. The numbers stay."""
        files = call.house.import_files
        return _move(call, id, lambda tx, id, actor, now: remove_import(tx, files, id, actor, now))


async def _receive(request: Request, file: BinaryIO, most: int) -> tuple[int, bytes]:
    """Write the body to the file; how many bytes, and a hash of them. Raises Problem."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CSV:
        file.close()
        raise Problem(WRONG_MEDIA_TYPE, f"Send {CSV}.")
    size, told = 0, hashlib.blake2b(digest_size=32)
    with file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise Problem(TOO_LARGE, f"At most {most:,} bytes are taken.")
            told.update(chunk)
            await run_in_threadpool(file.write, chunk)
        file.flush()
        await run_in_threadpool(os.fsync, file.fileno())
    return size, told.digest()


def _bring(call: Call, id: str, file_name: str, size: int) -> Response:
    try:
        look_at(call.house.import_files.file(id))
    except InvalidInput as error:  # which names a file of ours
        raise InvalidInput(error.what, hint=error.hint) from None

    def work(tx: Transaction, now: datetime) -> Done:
        job = add_import(tx, id, file_name, size, call.caller.actor, now)
        return Done(_import_out(job), 201, {"location": f"/api/v1/imports/{id}"})

    return call.do(work)


def _file(call: Call, id: str) -> FilePath:
    """The file of an import. Raises Conflict where it is gone, or stands on another machine."""
    path = call.house.import_files.file(id)
    if not path.exists():
        raise Conflict("The file of this import is not here any more.", hint="Bring it again.")
    return path


def _fits(told: Columns, header: Sequence[str]) -> None:
    """Raises InvalidInput for columns that there are not, in the file or with us."""
    unknown = [name for name in told.defaults if name not in COLUMNS]
    if unknown:
        fault = Fault("/defaults", f"There is no column {unknown[0][:60]!r}.", f"Columns are {', '.join(COLUMNS)}.")
        raise InvalidInput(fault.what, faults=[fault])
    try:
        columns_of(header, told.told, told.defaults)
    except InvalidInput as error:
        raise InvalidInput(error.what, faults=[Fault("/columns", error.what, error.hint)]) from None


def _move(call: Call, id: str, move: Move) -> Response:
    def work(tx: Transaction, now: datetime) -> Done:
        move(tx, id, call.caller.actor, now)
        return Done(_import_out(find_import(tx, id)))

    return call.do(work)


def _import_out(job: ImportJob) -> ImportOut:
    outcomes: Mapping[Outcome, int] = job.done.outcomes
    return ImportOut(
        id=job.id,
        by=job.by,
        file_name=job.file_name,
        bytes=job.bytes,
        state=job.state,
        rows=job.rows,
        done=job.done.rows,
        added=job.done.added,
        changed=job.done.changed,
        unchanged=job.done.unchanged,
        outcomes=dict(outcomes),
        reason=job.reason,
        created_at=job.created_at,
        changed_at=job.changed_at,
        removed_at=job.removed_at,
    )
