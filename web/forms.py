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
    fields: dict[str, str] = {}
    for name, value in await read_values(request, MOST_BYTES, MOST_FIELDS):
        fields.setdefault(name, value)
    return fields


async def read_values(request: Request, most_bytes: int, most_fields: int) -> list[tuple[str, str]]:
    """Every value of a form, in order. Files are passed over. Raises HTTPException 413 or 400."""
    size = 0
    chunks = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            raise HTTPException(413)
        chunks.append(chunk)
    request._body = b"".join(chunks)  # where Starlette keeps a body that was read
    try:
        form = await request.form(max_files=MOST_FIELDS, max_fields=most_fields)
    except MultiPartException:
        raise HTTPException(400) from None
    values = [(name, value) for name, value in form.multi_items() if not isinstance(value, UploadFile)]
    await form.close()
    return values
