"""Lists in pages: cursors that are signed and hold a key, not a place, so that what comes in moves nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tribune.domain.errors import InvalidInput
from tribune.domain.tokens import Signer
from web.api.problem_kinds import BAD_CURSOR
from web.api.problems import Problem

PURPOSE = "api-cursor"
MOST = 200
Out = TypeVar("Out", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many, at most.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="Where the page begins: `cursor` of a `next` that was given.")
]


class Page(BaseModel, Generic[Out]):
    """A page of a list."""

    model_config = ConfigDict(extra="forbid")

    data: list[Out] = Field(description="What the page holds, in the list's order.")
    next: str | None = Field(description="The address of the next page; null: this is the last.")


class Paging:
    """The page that a request asks for."""

    def __init__(self, signer: Signer, request: Request, limit: int, cursor: str | None) -> None:
        self._signer = signer
        self._request = request
        self.limit = limit
        self._list = _name_of(request)
        self.after = self._read(cursor) if cursor else None

    def _read(self, cursor: str) -> tuple[str, ...]:
        try:
            of, *key = self._signer.verify(PURPOSE, cursor)
        except InvalidInput:
            raise Problem(BAD_CURSOR) from None
        if of != self._list:
            raise Problem(BAD_CURSOR)
        return tuple(key)

    @property
    def number(self) -> int | None:
        """The number after which the page begins."""
        return int(self.after[0]) if self.after else None

    def page(self, found: Sequence[Out], response: Response, last: Sequence[str | int] | None) -> Page[Out]:
        """The answer. `last`: the key of the last one shown, where more follow."""
        if last is None:
            return Page(data=list(found), next=None)
        cursor = self._signer.sign(PURPOSE, self._list, *last)
        kept = [(k, v) for k, v in self._request.query_params.multi_items() if k != "cursor"]
        address = f"{self._request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"
        response.headers["link"] = f'<{address}>; rel="next"'
        return Page(data=list(found), next=address)


def _name_of(request: Request) -> str:
    """The list and its filters in 16 digits: a cursor is good for no other."""
    filters = sorted((k, v) for k, v in request.query_params.multi_items() if k not in ("cursor", "limit"))
    told = repr((request.url.path, filters))
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
