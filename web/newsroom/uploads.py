"""Take in a file that a browser sends: bounded, to the disk as it comes, never whole in memory."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from tribune.services.imports.import_files import ImportFiles
from web.plain import is_text

_AROUND = 10_000
"""Bytes of a form around its file."""
_DIGITS = 18
"""Of a length that is more than anybody sends."""


async def keep_upload(request: Request, field: str, files: ImportFiles, most: int) -> tuple[str, str, int]:
    """(id, the name that it had, bytes) of the file in a form's field; the name is "" where there was none. Raises
    HTTPException 413 for one that is larger than `most` bytes, 415 or 400 for what is no such form."""
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if told != "multipart/form-data":
        raise HTTPException(415)
    length = request.headers.get("content-length", "")
    if length and not (length.isascii() and length.isdigit()):
        raise HTTPException(400)
    if len(length) > _DIGITS or int(length or 0) > most + _AROUND:
        raise HTTPException(413)
    parser = MultiPartParser(request.headers, _bounded(request, most + _AROUND), max_files=1, max_fields=5)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        raise HTTPException(400) from None
    try:
        upload = form.get(field)
        if not isinstance(upload, UploadFile) or not upload.filename:
            return "", "", 0
        if not is_text(upload.filename):
            raise HTTPException(400)
        id, file = files.create()
        try:
            with file:
                await run_in_threadpool(shutil.copyfileobj, upload.file, file, 1 << 20)
                size = file.tell()
            if size > most:
                raise HTTPException(413)
        except BaseException:
            files.remove(id)
            raise
        return id, upload.filename, size
    finally:
        await form.close()


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise HTTPException(413)
        yield chunk
