"""Fetching from addresses that others chose: one port for feeds, repositories, data services and link cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. `url` is where it came from after redirects; header names are in lower case.

    `body` is decompressed and empty where it went into a file; `size` counts its bytes in either case.
    """

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: int = 0

    @property
    def etag(self) -> str:
        return self.headers.get("etag", "")

    @property
    def last_modified(self) -> str:
        return self.headers.get("last-modified", "")

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def not_modified(self) -> bool:
        return self.status == 304


class Fetcher(Protocol):
    """A client that cannot be led into the inside network and that neither time nor size can exhaust."""

    def fetch(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        accept: str = "*/*",
        max_bytes: int | None = None,
        into: BinaryIO | None = None,
        allow: frozenset[int] = frozenset(),
    ) -> Answer:
        """GET `url` following redirects: a 2xx answer, or 304 where a validator was given.

        The body goes `into` a file where one is given. `max_bytes` bounds the decompressed body. Other statuses
        raise SourceError, those in `allow` aside (503 where the caller knows how to wait); so do a refused
        address, a certificate that does not hold, a limit that is passed and a connection that fails.
        """
        ...

    def check(self, url: str) -> str:
        """What answers at `url`, in plain words, without reading its body. Raises SourceError as `fetch` does."""
        ...
