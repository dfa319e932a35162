"""Who may call what: a token and its scopes, before anything of a request is read. Every route names its scope.

Never a cookie, so nothing that a browser adds by itself lets anybody in; never a token in an address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from itertools import islice
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from tribune.bootstrap import Application
from tribune.domain.json_keys import KeyTwice, each_once
from tribune.domain.staff import Permission
from tribune.services.staff.api_tokens import Caller, authenticate, is_to_be_noted
from web.api.problem_kinds import (
    INVALID,
    MALFORMED,
    NO_SCOPE,
    NO_TOKEN,
    NOT_ACCEPTABLE,
    TOO_LARGE,
    TOO_MANY,
    WRONG_MEDIA_TYPE,
)
from web.api.problems import MEDIA_TYPE, Fault, Problem, counted
from web.plain import NO_TEXT, may_hold_no_text, no_texts
from web.rates import CallRates

MOST_BYTES = 1_000_000
MOST_FAULTS = 20
JSON = "application/json"
CSV = "text/csv"
MERGE_PATCH = "application/merge-patch+json"
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
REALM = 'Bearer realm="Tribune"'


class NeedsScope:
    """The dependency of a route that asks for a scope. The route itself looks at it (`ApiRoute`)."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self) -> None:
        """Nothing is left to do: the route let the caller in."""


def needs_scope(permission: Permission) -> Any:
    """`dependencies=[needs_scope(Permission.READ_PEOPLE)]` of a route."""
    return Depends(NeedsScope(permission))


def scope_of(route: object) -> Permission | None:
    """The scope that a route of the API asks for; None: it is public."""
    for told in getattr(route, "dependencies", ()):
        if isinstance(told.dependency, NeedsScope):
            return told.dependency.permission
    return None


_NO_GOOD = (
    "This token is not known, was revoked, or is past its time; or its owner, who signs in with the organisation's own "
    "account, has not done so for too long."
)


class Gate:
    """Lets callers in. One a process, at `api.state.gate`."""

    def __init__(self, house: Application) -> None:
        self.house = house
        self._calls = CallRates(house.settings.web.api_calls_per_minute)

    def admit(self, header: str | None, needed: Permission) -> tuple[Caller, str]:
        """The caller behind an Authorization header, and the token itself. Raises Problem."""
        found = _BEARER.fullmatch(header.strip()) if header else None
        if found is None:
            raise Problem(NO_TOKEN, headers={"www-authenticate": REALM})
        secret, now = found[1], self.house.clock.now()
        with self.house.store.read() as tx:
            caller = authenticate(tx, secret, self.house.tokens_vouched, now)
        if caller is None:
            told = {"www-authenticate": f'{REALM}, error="invalid_token"'}
            raise Problem(NO_TOKEN, _NO_GOOD, headers=told)
        wait = self._calls.take(caller.token.id, self.house.clock.monotonic())
        if wait:
            raise Problem(TOO_MANY, headers={"retry-after": str(wait)})
        if needed not in caller.may:
            told = {"www-authenticate": f'{REALM}, error="insufficient_scope", scope="{needed.value}"'}
            raise Problem(NO_SCOPE, f"This asks for the scope {needed.value}.", headers=told, scope=needed.value)
        if is_to_be_noted(caller.token, now):
            with self.house.store.write() as tx:
                tx.api_tokens.used(caller.token.id, now)
        return caller, secret


class ApiRoute(APIRoute):
    """A route of the API: token, scope and rate first; then what the headers ask for; then the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        needed = scope_of(self)
        takes = str((self.openapi_extra or {}).get("x-takes", JSON))

        async def guarded(request: Request) -> Response:
            if needed is not None:
                gate: Gate = request.app.state.gate
                caller, secret = await run_in_threadpool(gate.admit, request.headers.get("authorization"), needed)
                request.state.caller, request.state.secret = caller, secret
            _acceptable(request)
            # A large file is read by its own route, piece by piece.
            if takes == JSON and request.method in ("POST", "PUT", "PATCH", "DELETE"):
                await _read(request, self.body_field is not None)
            return await handle(request)

        return guarded


def _acceptable(request: Request) -> None:
    """Raises Problem where the caller wants nothing that the API gives (RFC 9110, 12.5.1)."""
    accept = request.headers.get("accept", "").lower()
    given = (JSON, MEDIA_TYPE, "application/*", "*/*", CSV, "text/*")
    for part in accept.split(","):
        kind, *parameters = (word.strip() for word in part.split(";"))
        refused = any(re.fullmatch(r"q=0(\.0{0,3})?", word) for word in parameters)
        if kind in given and not refused:
            return
    if accept.strip():
        raise Problem(NOT_ACCEPTABLE)


async def _read(request: Request, wanted: bool) -> None:
    """Have the body read, within its bound. Raises Problem."""
    told = request.headers.get("content-length", "")
    if told and not (told.isascii() and told.isdigit()):
        raise Problem(MALFORMED, "The header Content-Length holds no number.")
    too_large = Problem(TOO_LARGE, f"At most {MOST_BYTES:,} bytes are taken.")
    if len(told) > len(str(MOST_BYTES)) or int(told or 0) > MOST_BYTES:
        raise too_large
    size, chunks = 0, []
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise too_large
        chunks.append(chunk)
    request._body = b"".join(chunks)  # where Starlette keeps a body that was read
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request._body and wanted and kind not in (JSON, MERGE_PATCH):
        raise Problem(WRONG_MEDIA_TYPE, f"Send {JSON}.")
    if not (request._body and wanted) and not may_hold_no_text(request._body):
        return
    try:
        document = json.loads(request._body, object_pairs_hook=each_once)
    except KeyTwice as error:
        raise Problem(MALFORMED, f"The body is ambiguous: {error}. Keep one of the two.") from None
    except (ValueError, RecursionError):
        return  # whoever reads it says so
    if may_hold_no_text(request._body):
        faults = [Fault(detail=NO_TEXT, pointer=f"#{pointer}") for pointer in islice(no_texts(document), MOST_FAULTS)]
        if faults:
            raise Problem(INVALID, counted(faults), errors=faults)
