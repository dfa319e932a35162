"""Identifiers in their normal form, so that two sources that name one work are seen to do so.

Sources: DOI handbook 2.2 and ISO 26324 (case does not count), ISO 2108 (ISBN), ISO 3297 (ISSN), the OAI identifier
guidelines, RFC 3986.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from tribune.domain.addresses import host_name
from tribune.domain.items import Identifier, Scheme

_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/[^\s\"<>]+")
_DOI_PREFIX = re.compile(r"(?:doi:\s*|info:doi/|urn:doi:|(?:https?://)?(?:dx\.|www\.)?doi\.org/)+", re.IGNORECASE)
_ISBN_PREFIX = re.compile(r"(?:urn:)?isbn(?:-?1[03](?![\d-]))?[:\s]*", re.IGNORECASE)
_ISSN_PREFIX = re.compile(r"(?:urn:)?e?-?issn(?:-l)?[:\s]*", re.IGNORECASE)
_OAI = re.compile(r"oai:[A-Za-z][A-Za-z0-9.-]*:[A-Za-z0-9_.!~*'();/?:@&=+$,%#-]+")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_LENGTH = 500


def doi(text: str) -> str | None:
    """`10.1000/XYZ`, with or without doi:, info:doi/ or a resolver's address -> `10.1000/xyz`, or None."""
    told = text.strip()
    prefix = _DOI_PREFIX.match(told)
    bare = told[prefix.end() :] if prefix else told
    if prefix and "%" in bare:
        bare = unquote(bare)
    found = _DOI.fullmatch(bare.rstrip(".,;"))
    if not found or len(bare) > MAX_LENGTH:
        return None
    # ASCII only: the handbook folds nothing else.
    return "".join(c.lower() if c.isascii() else c for c in found.group())


def isbn(text: str) -> str | None:
    """ISBN-10 or -13 in any spelling -> thirteen digits, or None where the check digit does not hold."""
    told = text.strip().translate(_DASHES)
    prefix = _ISBN_PREFIX.match(told)
    digits = re.sub(r"[\s-]", "", told[prefix.end() :] if prefix else told).upper()
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        values = [10 if c == "X" else int(c) for c in digits]
        if sum(value * weight for value, weight in zip(values, range(10, 0, -1), strict=True)) % 11:
            return None
        body = "978" + digits[:9]
        return body + _check_13(body)
    if re.fullmatch(r"97[89][0-9]{10}", digits) and _check_13(digits[:12]) == digits[12]:
        return digits
    return None


def _check_13(body: str) -> str:
    total = sum(int(c) * (3 if place % 2 else 1) for place, c in enumerate(body))
    return str(-total % 10)


def issn(text: str) -> str | None:
    """An ISSN in any spelling -> `1234-567X`, or None where the check digit does not hold."""
    told = text.strip().translate(_DASHES)
    prefix = _ISSN_PREFIX.match(told)
    digits = re.sub(r"[\s-]", "", told[prefix.end() :] if prefix else told).upper()
    if not re.fullmatch(r"[0-9]{7}[0-9X]", digits):
        return None
    values = [10 if c == "X" else int(c) for c in digits]
    if sum(value * weight for value, weight in zip(values, range(8, 0, -1), strict=True)) % 11:
        return None
    return f"{digits[:4]}-{digits[4:]}"


def oai(text: str) -> str | None:
    """`oai:repository.example:12/34`: the namespace folded, the local part as it is, or None."""
    told = text.strip()
    if len(told) > MAX_LENGTH or not _OAI.fullmatch("oai" + told[3:] if told[:4].lower() == "oai:" else told):
        return None
    _, namespace, local = told.split(":", 2)
    return f"oai:{namespace.lower()}:{local}"


def url(text: str) -> str | None:
    """An http(s) address: scheme and host folded, default port and fragment off, blanks escaped, or None."""
    told = text.strip()
    if any(ord(c) < 32 for c in told):
        return None
    try:
        parts = urlsplit(told)
        port = parts.port
        host = parts.hostname or ""
        host = host if host.isascii() else host_name(host)
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not re.fullmatch(r"[a-z0-9_.-]*[a-z0-9]\.?|[0-9a-f:.]+", host):
        return None
    if parts.username is not None or parts.password is not None:
        return None
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        place += f":{port}"
    safe = "/%:@!$&'()*+,;=-._~"
    path, query = quote(parts.path or "/", safe=safe), quote(parts.query, safe=safe + "?[]")
    normal = urlunsplit((scheme, place, path, query, ""))
    return normal if len(normal) <= MAX_LENGTH * 4 else None


def recognise(text: str) -> Identifier | None:
    """The identifier that `text` as a whole is. A bare number is never one: "12345678" may be anything.

    The order matters: a resolver's address is a DOI, not an address.
    """
    told = text.strip()
    found = doi(told)
    if found:
        return Identifier(Scheme.DOI, found)
    if told[:4].lower() == "oai:":
        found = oai(told)
        return Identifier(Scheme.OAI, found) if found else None
    if _ISSN_PREFIX.match(told) or re.fullmatch(r"\d{4}-\d{3}[\dXx]", told.translate(_DASHES)):
        found = issn(told)
        return Identifier(Scheme.ISSN, found) if found else None
    if _ISBN_PREFIX.match(told) or re.fullmatch(r"97[89][\d\s-]{10,14}|[\d-]{12}[\dXx]", told.translate(_DASHES)):
        found = isbn(told)
        return Identifier(Scheme.ISBN, found) if found else None
    found = url(told)
    return Identifier(Scheme.URL, found) if found and len(found) <= MAX_LENGTH else None
