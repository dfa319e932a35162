"""Bytes of a message: header fields and quoted-printable, in pieces that can be joined.

Every piece of a body is a run of whole lines, the last one ending in a soft line break, so that pieces join without
anything being encoded again. No line begins with a dot (SMTP would stuff it, RFC 5321 4.5.2; of mails
marked `sound` the SMTP channel believes that, and does not look) or with `From ` (mbox). Lines hold at most 76
characters (RFC 2045 6.7).
"""

from __future__ import annotations

import binascii
import re
from datetime import datetime
from email.utils import format_datetime

from tribune.domain.addresses import ascii_domain
from tribune.domain.errors import InvalidInput
from tribune.rendering.text import clean

BOUNDARY = b"=_tribune"
"""Quoted-printable never holds `=_`, so no content can hold the boundary (RFC 2045 6.7)."""

TO_TEXT = (
    b'\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="%b"\r\n\r\n'
    b"--%b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
) % (BOUNDARY, BOUNDARY)
"""From the last header field to the text; `TO_HTML` from the text to the HTML; `END` after it."""
TO_HTML = (
    b"\r\n--%b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
) % BOUNDARY
END = b"\r\n--%b--\r\n" % BOUNDARY

SOFT = b"=\r\n"
_LINE = 75
_SPECIAL = re.compile(rb"[^\t -<>-~]")
_SAFE = re.compile(rb"[!-<>-~]*")
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,'’_&+()/-]*")
_ATOMS = re.compile(r"[A-Za-z0-9 ]+")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"\\@\x00-\x1f\x7f]+@[^\s<>()\[\],;:\"\\@\x00-\x1f\x7f]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_NAME = re.compile(r"[A-Za-z0-9.+_-]+")
_RUNS = re.compile(r"[^ ]* ?")
_URL = re.compile(r"https?://[!#-;=?-~]+")
_WORD_BYTES = 42
"""Bytes of UTF-8 in one encoded word: 56 characters of base64 and 12 around them, under RFC 2047's 75."""


def body(text: str) -> bytes:
    """Any text as quoted-printable. Line ends become CRLF; ends in a soft line break."""
    lines = re.split(r"\r\n|\r|\n", text)
    return b"\r\n".join(_line(line.encode("utf-8", "replace")) for line in lines) + SOFT


def _line(raw: bytes) -> bytes:
    """One line, wrapped with soft breaks."""
    encoded = _SPECIAL.sub(_escape, raw)
    if encoded[-1:] in (b" ", b"\t"):
        encoded = encoded[:-1] + b"=%02X" % encoded[-1]
    lines: list[bytes] = []
    at = 0
    while True:
        first = b""
        if encoded.startswith((b".", b"From "), at):
            first, at = b"=%02X" % encoded[at], at + 1
        end = at + _LINE - len(first)
        if end >= len(encoded):
            return SOFT.join([*lines, first + encoded[at:]])
        # Never within the three characters of an encoded byte.
        end -= 1 if encoded[end - 1 : end] == b"=" else 2 if encoded[end - 2 : end - 1] == b"=" else 0
        lines.append(first + encoded[at:end])
        at = end


def _escape(found: re.Match[bytes]) -> bytes:
    return b"=%02X" % found[0][0]


def slot(text: str) -> bytes:
    """A short text for a slot: as `body`, in a fraction of the time. Line ends are not allowed in a slot."""
    raw = text.encode("utf-8", "replace")
    if _SAFE.fullmatch(raw):
        if len(raw) < _LINE and raw[:1] != b".":
            return raw + SOFT
        encoded = SOFT.join([raw[at : at + _LINE] for at in range(0, len(raw), _LINE)])
    else:
        encoded = binascii.b2a_qp(raw, False, False, False)
        if len(encoded) < _LINE and encoded[-1:] not in b" \t" and encoded[:1] not in b".F":
            return encoded + SOFT  # a name
        encoded = encoded.replace(b"=\n", SOFT)
        if encoded[-1:] in (b" ", b"\t") or len(encoded) - encoded.rfind(b"\n") - 1 > _LINE:
            return body(text)  # no room on the last line for what ends it
    if encoded[:1] == b"." or b"\n." in encoded or encoded[:5] == b"From " or b"\nFrom " in encoded:
        return body(text)
    return encoded + SOFT


def link_slot(url: str) -> bytes:
    """As `slot`, for what `link` let through: most links need a look at two places only."""
    raw = url.encode()
    if _LINE < len(raw) <= 2 * _LINE and raw[_LINE] != 46 and b"=" not in raw:
        return b"%b=\r\n%b=\r\n" % (raw[:_LINE], raw[_LINE:])
    return slot(url)


# -- header fields


def mailbox(name: str, address: str, *, cleaned: bool = False) -> bytes:
    """`name <address>` for a header field: the name quoted or in encoded words, the address on a line of its own.
    `cleaned`: the name went through `clean` already.

    The domain is written in ASCII, so that an address needs SMTPUTF8 for its local part alone.
    Raises InvalidInput for an address that would not stand in a header as itself (RFC 5322 3.4, RFC 6532).
    """
    if not address.isascii():
        local, _, domain = address.rpartition("@")
        address = f"{local}@{ascii_domain(domain)}"
    if not _ADDRESS.fullmatch(address):
        raise InvalidInput("An address holds something that may not stand in a mail's header.")
    where = address.encode("utf-8")
    words = phrase(name, cleaned=cleaned)
    return b"%b\r\n <%b>" % (words, where) if words else b"<%b>" % where


def phrase(name: str, *, cleaned: bool = False) -> bytes:
    """A display name: as it is, in quotes, or in encoded words on folded lines (RFC 5322 3.2.5, RFC 2047)."""
    if name.isascii() and len(name) <= 60 and _WORDS.fullmatch(name) and "  " not in name:
        return name.encode() if _ATOMS.fullmatch(name) and name[-1] != " " else b'"' + name.strip().encode() + b'"'
    if not cleaned:
        name = clean(name)
    return encoded_words(name) if name else b""


def unstructured(text: str) -> bytes:
    """A text for a field such as Subject: plain where it is short and ASCII, else encoded words on folded lines."""
    text = _CONTROLS.sub(" ", text).strip()
    if text.isascii() and len(text) <= 66 and "=?" not in text:
        return text.encode()
    return encoded_words(text)


def encoded_words(text: str) -> bytes:
    """UTF-8 in base64, one word a line (RFC 2047), cut after spaces where it can be, else between characters.

    The space goes with the word before it. Python's parser (3.11) puts a space of its own between encoded words in a
    display name, against RFC 2047 6.2: at a space that does no harm.
    """
    whole = text.encode("utf-8", "replace")
    if len(whole) <= _WORD_BYTES:
        return b"=?utf-8?b?%b?=" % binascii.b2a_base64(whole, newline=False)
    words = [b""]
    for run in _RUNS.findall(text):
        raw = run.encode("utf-8", "replace")
        if len(words[-1]) + len(raw) <= _WORD_BYTES:
            words[-1] += raw
            continue
        if words[-1]:
            words.append(b"")
        for character in run:
            one = character.encode("utf-8", "replace")
            if len(words[-1]) + len(one) > _WORD_BYTES:
                words.append(b"")
            words[-1] += one
    return b"\r\n ".join(b"=?utf-8?b?" + binascii.b2a_base64(word, newline=False) + b"?=" for word in words)


def link(url: str) -> str:
    """`url`, if it may stand in a header between < and >, in an attribute and in a text. Raises InvalidInput."""
    if _URL.fullmatch(url):
        return url
    raise InvalidInput("A link holds something that may not stand in a mail.", hint="Check web.base_url.")


def message_id(delivery: str, domain: str) -> bytes:
    """`<delivery@domain>`: the same for every attempt. Raises InvalidInput."""
    if not _NAME.fullmatch(delivery):
        raise InvalidInput(f"{delivery!r} is not a delivery's name.")
    return f"<{delivery}@{domain}>".encode()


def date(at: datetime) -> bytes:
    """An aware instant for the Date field."""
    return format_datetime(at).encode()
