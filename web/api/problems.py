"""Every error of the API is a problem: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from tribune.domain.answers import KeyUsedOtherwise, StillAtWork
from tribune.domain.errors import Conflict, InvalidInput, NotFound, TribuneError
from tribune.failures import place, reason
from web.api.problem_kinds import (
    AWAY,
    BUSY,
    BY_STATUS,
    CONFLICT,
    FAILED,
    INVALID,
    KEY_USED,
    MALFORMED,
    NO_METHOD,
    NOT_FOUND,
    STILL_AT_WORK,
    Kind,
)
from web.away import RETRY_SECONDS, is_away, is_busy

MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One place of a request that is wrong."""

    model_config = ConfigDict(extra="forbid")

    detail: str = Field(description="What is wrong, and what would be right.")
    pointer: str | None = Field(default=None, description="Where in the body: a JSON pointer as a fragment, `#/hour`.")
    parameter: str | None = Field(default=None, description="Which parameter of the address.")
    header: str | None = Field(default=None, description="Which header.")


class ProblemOut(BaseModel):
    """An error (RFC 9457). Members that do not apply are left out."""

    model_config = ConfigDict(extra="forbid", title="Problem")

    type: str = Field(description="The kind of problem: an address that explains it and does not change.")
    title: str = Field(description="The kind in a few words, always the same.")
    status: int = Field(description="The status of the answer.")
    detail: str | None = Field(default=None, description="What is wrong this time.")
    hint: str | None = Field(default=None, description="What to do about it.")
    instance: str = Field(description="This occurrence: the address that was asked, or a number in the server's log.")
    errors: list[Fault] | None = Field(default=None, description="Each place that is not valid.")
    scope: str | None = Field(default=None, description="The scope that is missing.")


class Problem(Exception):
    """Raised where a request is answered with a problem."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        hint: str = "",
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> None:
        super().__init__(detail or kind.title)
        self.kind, self.detail, self.hint, self.errors, self.more = kind, detail, hint, errors, more
        self.headers = dict(headers or {})


def answer(path: str, problem: Problem) -> Response:
    """The problem as an answer. `path`: what was asked, without query."""
    told: dict[str, Any] = {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail or None,
        "hint": problem.hint or None,
        "instance": path,
        "errors": [fault.model_dump(exclude_none=True) for fault in problem.errors] or None,
        **problem.more,
    }
    return JSONResponse(
        {name: value for name, value in told.items() if value is not None},
        problem.kind.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def of_error(error: TribuneError) -> Problem:
    """A house error as a problem."""
    kinds: tuple[tuple[type[TribuneError], Kind], ...] = (
        *((KeyUsedOtherwise, KEY_USED), (StillAtWork, STILL_AT_WORK)),
        *((NotFound, NOT_FOUND), (Conflict, CONFLICT), (InvalidInput, INVALID)),
    )
    kind = next((kind for type_, kind in kinds if isinstance(error, type_)), CONFLICT)
    faults = getattr(error, "faults", ())
    errors = [Fault(detail=f"{one.what} {one.hint}".strip(), pointer=f"#{one.pointer}") for one in faults]
    if kind is INVALID and not errors and error.where.startswith("/"):
        errors = [Fault(detail=f"{error.what} {error.hint}".strip(), pointer=f"#{error.where}")]
    headers = {"retry-after": "1"} if kind is STILL_AT_WORK else {}
    # Hints of the command line name its commands, which whoever calls the API does not have.
    hint = "" if "`tribune " in error.hint else error.hint
    what = counted(errors) if faults else error.what
    return Problem(kind, what, hint="" if faults else hint, errors=errors, headers=headers)


def of_validation(error: RequestValidationError) -> Problem:
    """What does not fit the description. Values are never repeated: they may be personal."""
    faults = []
    for told in error.errors():
        place_, *inside = told["loc"] or ("body",)
        if told["type"] == "json_invalid":
            return Problem(MALFORMED, f"The body is not JSON: {told.get('ctx', {}).get('error', 'it cannot be read')}.")
        if place_ == "path":
            return Problem(NOT_FOUND, "There is nothing at this address.")
        detail = str(told["msg"]).removeprefix("Value error, ")
        if place_ == "query":
            faults.append(Fault(detail=detail, parameter=str(inside[0])))
        elif place_ == "header":
            faults.append(Fault(detail=detail, header=str(inside[0])))
        else:
            faults.append(Fault(detail=detail, pointer=_pointer(inside)))
    return Problem(INVALID, counted(faults), errors=faults)


def counted(faults: Sequence[Fault]) -> str:
    """How many places are wrong, in words."""
    return f"{len(faults)} {'place is' if len(faults) == 1 else 'places are'} not valid."


def _pointer(path: Sequence[Any]) -> str:
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def handle_errors(api: FastAPI) -> None:
    """Have every error of the application answered as a problem."""

    @api.exception_handler(Problem)
    def _problem(request: Request, error: Problem) -> Response:
        return answer(request.url.path, error)

    @api.exception_handler(TribuneError)
    def _house(request: Request, error: TribuneError) -> Response:
        return answer(request.url.path, of_error(error))

    @api.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request.url.path, of_validation(error))

    @api.exception_handler(HTTPException)
    def _status(request: Request, error: HTTPException) -> Response:
        kind = BY_STATUS.get(error.status_code, MALFORMED)
        detail = {404: "There is nothing at this address.", 400: "The body cannot be read."}.get(kind.status, "")
        headers = {"allow": ", ".join(allowed(request))} if kind is NO_METHOD else {}
        return answer(request.url.path, Problem(kind, detail, headers=headers))


def allowed(request: Request) -> list[str]:
    """The methods that the address of a request answers: a router asks one route at a time."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


class NothingEscapes:
    """ASGI middleware: what nobody expected is a problem without detail, and a line in the log, without values."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            if started:
                raise
            await self._told(scope, error)(scope, receive, send)

    def _told(self, scope: Scope, error: Exception) -> Response:
        number = secrets.token_hex(8)
        away = is_away(error)
        kind = BUSY if is_busy(error) else AWAY if away else FAILED
        structlog.get_logger().log(
            *(logging.WARNING if kind is BUSY else logging.ERROR, "call failed"),
            path=scope["path"],
            number=number,
            error=reason(error),
            place=place(error),
        )
        later = {} if kind is FAILED else {"retry-after": RETRY_SECONDS}
        return answer(f"urn:tribune:{number}", Problem(kind, headers=later))
