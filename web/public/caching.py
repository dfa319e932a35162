"""Answers that browsers, proxies and feed readers may keep: validators, and 304 for what has not changed (RFC 9110)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request, Response

PAGES, FEEDS, MAPS = 300, 600, 3600
"""For how many seconds an answer is fresh."""


def kept(request: Request, response: Response, *, seconds: int, changed: datetime | None = None) -> Response:
    """`response` as anybody may keep it, or 304 if the client has it. It must hold nothing personal, and depend on its
    address alone."""
    if "vary" in response.headers:
        del response.headers["vary"]
    response.headers["cache-control"] = f"public, max-age={seconds}"
    return validated(request, response, changed)


def validated(request: Request, response: Response, changed: datetime | None = None) -> Response:
    """`response` with an ETag of its content and, if told, Last-Modified; or 304 if the client has it."""
    etag = f'"{hashlib.blake2b(bytes(response.body), digest_size=12).hexdigest()}"'
    response.headers["etag"] = etag
    if changed is not None:
        response.headers["last-modified"] = format_datetime(changed.astimezone(UTC).replace(microsecond=0), usegmt=True)
    if response.status_code != 200 or not _has_it(request, etag, changed):
        return response
    same = Response(status_code=304)
    for name in ("etag", "last-modified", "cache-control", "content-language", "x-robots-tag", "vary"):
        if name in response.headers:
            same.headers[name] = response.headers[name]
    return same


def _has_it(request: Request, etag: str, changed: datetime | None) -> bool:
    """If-None-Match speaks before If-Modified-Since (RFC 9110, 13.2.2)."""
    told = request.headers.get("if-none-match")
    if told is not None:
        return told.strip() == "*" or etag in {one.strip().removeprefix("W/") for one in told.split(",")}
    since = request.headers.get("if-modified-since")
    if since is None or changed is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return changed.replace(microsecond=0) <= moment
