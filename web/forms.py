"""Read a small form, in whichever of the two encodings it comes (RFC 8058 allows both)."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

MOST_BYTES = 16_384
MOST_FIELDS = 20


async def read_form(request: Request) -> Mapping[str, str]:
    """The form's fields, the first value of each. Files are passed over. Raises HTTPException 413 or 400."""
    return {name: values[0] for name, values in (await read_lists(request)).items()}


async def read_lists(request: Request) -> Mapping[str, list[str]]:
    """The same with all values of each: those of a list of boxes share a name."""
    size = 0
    chunks = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise HTTPException(413)
        chunks.append(chunk)
    request._body = b"".join(chunks)  # where Starlette keeps a body that was read
    fields: dict[str, list[str]] = {}
    try:
        form = await request.form(max_files=MOST_FIELDS, max_fields=MOST_FIELDS)
    except MultiPartException:
        raise HTTPException(400) from None
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            fields.setdefault(name, []).append(value)
    await form.close()
    return fields
