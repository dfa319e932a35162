"""A call of the API: who calls, and how what they ask for is read, done, answered and written down."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from tribune.bootstrap import Application
from tribune.domain.answers import Answer, KeyedRequest, checked_key, fingerprint
from tribune.domain.audit import Facts
from tribune.domain.errors import InvalidInput
from tribune.ports.store import Transaction
from tribune.services.api.answer_once import Given, answer_once, answer_once_outside
from tribune.services.staff.api_tokens import Caller
from web.api.access import JSON, Gate
from web.api.problem_kinds import CHANGED_MEANWHILE, MALFORMED, STATE_NEEDED
from web.api.problems import Problem

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=257,
        description="A word of your own for this request, such as a UUID. Sent again with the same key within 24 "
        "hours, it has no second effect and gets the same answer.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=200,
        description="The `ETag` of the state that you change; `*` changes whatever is there.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", max_length=1000, description="The `ETag` that you have: 304 where it still holds."),
]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request: what to tell, the status, headers of the answer."""

    told: BaseModel | None = None
    status: int = 200
    headers: Mapping[str, str] | None = None

    def answer(self) -> Answer:
        body = self.told.model_dump_json() if self.told is not None else ""
        return Answer(self.status, body, dict(self.headers or {}))


Work = Callable[[Transaction, datetime], Done]


class Call:
    """One request of a caller who was let in."""

    def __init__(self, request: Request, key: str | None = None) -> None:
        gate: Gate = request.app.state.gate
        self.house: Application = gate.house
        self.request = request
        self.caller: Caller = request.state.caller
        self._key = key

    def do(self, work: Work) -> Response:
        """Do it once, in one unit of work."""
        return _response(answer_once(self.house.store, self.house.clock, self._asked(), _answering(work)))

    def do_outside(self, work: Callable[[], Done]) -> Response:
        """Do once what has units of work of its own."""
        asked = self._asked()
        return _response(answer_once_outside(self.house.store, self.house.clock, asked, lambda: work().answer()))

    def note(self, tx: Transaction, action: str, about: str, facts: Facts | None = None) -> None:
        """Write into the audit log what was done in this unit of work. Call it last; nothing personal goes in."""
        tx.audit.add(self.caller.actor, action, about, facts or {}, self.house.clock.now())

    def looked(self, action: str, about: str, facts: Facts | None = None) -> None:
        """Write into the audit log that somebody's data was looked at, as the pages do."""
        with self.house.store.write() as tx:
            self.note(tx, action, about, facts)

    def _asked(self) -> KeyedRequest | None:
        if self._key is None:
            return None
        try:
            key = checked_key(self._key)
        except InvalidInput as error:
            raise Problem(MALFORMED, error.what, hint=error.hint) from None
        request = self.request
        told = (request.method, request.url.path, request.url.query, request.headers.get("if-match", ""))
        parts = [part.encode("utf-8", "surrogatepass") for part in told]
        found = fingerprint(request.state.secret, [*parts, getattr(request, "_body", b"")])
        return KeyedRequest(self.caller.token.id, key, found)


def _looking(request: Request) -> Call:
    return Call(request)


def _doing(request: Request, key: IdempotencyKey = None) -> Call:
    return Call(request, key)


Looking = Annotated[Call, Depends(_looking)]
"""A call that changes nothing."""

Doing = Annotated[Call, Depends(_doing)]
"""A call that creates or does something, and may carry an idempotency key."""


def etag(told: BaseModel) -> str:
    """A strong validator of a thing as it is told."""
    return '"' + hashlib.blake2b(told.model_dump_json().encode(), digest_size=12).hexdigest() + '"'


def unchanged_since(if_match: str | None, told: BaseModel) -> None:
    """Look, under the lock of the change, whether the thing is still what the caller has read. Raises Problem."""
    if if_match is None:
        raise Problem(STATE_NEEDED)
    if if_match.strip() != "*" and etag(told) not in _tags(if_match):
        raise Problem(CHANGED_MEANWHILE)


def tagged(told: BaseModel, if_none_match: str | None) -> Response:
    """The thing with its validator; 304 where the caller has it as it is."""
    own = etag(told)
    headers = {"etag": own, "cache-control": "private, no-cache"}
    if if_none_match is not None and (if_none_match.strip() == "*" or own in _tags(if_none_match, weak=True)):
        return Response(status_code=304, headers=headers)
    return Response(told.model_dump_json(), media_type=JSON, headers=headers)


def _tags(header: str, *, weak: bool = False) -> set[str]:
    tags = (tag.strip() for tag in header.split(","))
    return {tag.removeprefix("W/") if weak else tag for tag in tags}


def _answering(work: Work) -> Callable[[Transaction, datetime], Answer]:
    return lambda tx, now: work(tx, now).answer()


def _response(given: Given) -> Response:
    answer = given.answer
    headers = {**answer.headers, **({"idempotency-replayed": "true"} if given.again else {})}
    return Response(answer.body, answer.status, headers, media_type=JSON if answer.body else None)
