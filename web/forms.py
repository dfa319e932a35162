"""Read forms: small ones in whichever of the two encodings they come (RFC 8058 allows both), and long ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from web.plain import is_text

MOST_BYTES = 16_384
MOST_FIELDS = 20
MOST_CHOICES = 600
"""Fields of a form of many boxes: every country there is, and the rest."""


class Fields:
    """The fields of a form in which a name may stand several times; `pairs` in the order in which they came."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)
        self._values: dict[str, list[str]] = {}
        for name, value in self.pairs:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str) -> str:
        """The first value of a field; "" where it is absent."""
        return self._values.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        return list(self._values.get(name, ()))

    def firsts(self) -> dict[str, str]:
        """The first value of each field."""
        return {name: values[0] for name, values in self._values.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._values


async def read_fields(request: Request, most_bytes: int = MOST_BYTES, most_fields: int = MOST_CHOICES) -> Fields:
    """A form as browsers send it when it holds no files. Raises HTTPException 413, 400 (also for what is no text) or
    415."""
    if not _is_urlencoded(request):
        raise HTTPException(415)
    return await _urlencoded(request, most_bytes, most_fields)


async def _urlencoded(request: Request, most_bytes: int = MOST_BYTES, most_fields: int = MOST_CHOICES) -> Fields:
    body = await _body(request, most_bytes)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=most_fields)
    except ValueError:
        raise HTTPException(400) from None
    return Fields((_text(name), _text(value)) for name, value in pairs)


def _text(value: str) -> str:
    """The value, where it is text. Raises HTTPException 400."""
    if not is_text(value):
        raise HTTPException(400)
    return value


def _is_urlencoded(request: Request) -> bool:
    return _kind(request) == "application/x-www-form-urlencoded"


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request, most: int) -> bytes:
    size = 0
    chunks = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise HTTPException(413)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_either(request: Request) -> Fields:
    """A form that mail programs may send in either encoding, and browsers with boxes in it. Raises HTTPException."""
    return await read_fields(request) if _is_urlencoded(request) else Fields((await read_form(request)).items())


async def read_one_click(request: Request) -> Fields:
    """What a mail program sends (RFC 8058): a body of an unknown type, or of none, is taken as the shorter of its two
    encodings, as some say nothing of what they send. Raises HTTPException."""
    return await (read_either(request) if _kind(request) == "multipart/form-data" else _urlencoded(request))


async def read_form(request: Request) -> Mapping[str, str]:
    """The form's fields, the first value of each. Files are passed over. Raises HTTPException 413 or 400."""
    if _is_urlencoded(request):
        return (await read_fields(request, most_fields=MOST_FIELDS)).firsts()
    request._body = await _body(request, MOST_BYTES)  # where Starlette keeps a body that was read
    fields: dict[str, str] = {}
    try:
        form = await request.form(max_files=MOST_FIELDS, max_fields=MOST_FIELDS)
    except MultiPartException:
        raise HTTPException(400) from None
    try:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                fields.setdefault(_text(name), _text(value))
    finally:
        await form.close()
    return fields
