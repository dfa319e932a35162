"""Answers that browsers, proxies and feed readers may keep: a validator, and 304 for what has not changed (RFC 9110).

The validator is an ETag of the very bytes. There is no Last-Modified: the date of the newest of what an answer still
holds does not tell that something was withdrawn from it, moved elsewhere or is asked for no more (8.8.2).
"""

from __future__ import annotations

import hashlib

from fastapi import Request, Response

PAGES, FEEDS, MAPS = 300, 600, 3600
"""For how many seconds an answer is fresh."""


def kept(request: Request, response: Response, *, seconds: int) -> Response:
    """`response` as anybody may keep it, or 304 if the client has it. It must hold nothing personal, and depend on its
    address alone."""
    if "vary" in response.headers:
        del response.headers["vary"]
    response.headers["cache-control"] = f"public, max-age={seconds}"
    return validated(request, response)


def validated(request: Request, response: Response) -> Response:
    """`response` with an ETag of its content; or 304 if the client has it."""
    etag = f'"{hashlib.blake2b(bytes(response.body), digest_size=12).hexdigest()}"'
    response.headers["etag"] = etag
    if response.status_code != 200 or not _has_it(request, etag):
        return response
    same = Response(status_code=304)
    for name in ("etag", "cache-control", "content-language", "x-robots-tag", "vary"):
        if name in response.headers:
            same.headers[name] = response.headers[name]
    return same


def _has_it(request: Request, etag: str) -> bool:
    told = request.headers.get("if-none-match")
    if told is None:
        return False
    return told.strip() == "*" or etag in {one.strip().removeprefix("W/") for one in told.split(",")}
