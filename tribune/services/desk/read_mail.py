"""Read a caught mail as a mail program would: headers, text, HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

_TOKEN = re.compile(r"(/[a-z]/)[\w~.+:-]{20,}")
_RETURN_PATH = re.compile(r"\bb\+[^@\s<>]+@")
_HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReadableMail:
    """A mail's parts. `headers` in their order, decoded; `html` and `text` are empty where it has no such part."""

    subject: str
    headers: Sequence[tuple[str, str]]
    html: str
    text: str
    size: int


def read_mail(content: bytes) -> ReadableMail:
    """The parts of a complete message. What is broken in it is shown as far as it goes."""
    message = message_from_bytes(content, policy=default)
    return ReadableMail(
        subject=str(message.get("subject", "")),
        headers=[(name, str(value)) for name, value in message.items()],
        html=_part(message, "html"),
        text=_part(message, "plain"),
        size=len(content),
    )


def without_keys(mail: ReadableMail) -> ReadableMail:
    """The mail for who may look at it and may not act for its reader: a link's token opens what is the reader's."""

    def hidden(text: str) -> str:
        return _RETURN_PATH.sub("b+***@", _TOKEN.sub(r"\1***", text))

    headers = [(name, hidden(value)) for name, value in mail.headers]
    return replace(mail, headers=headers, html=hidden(mail.html), text=hidden(mail.text))


def for_a_frame(html: str) -> str:
    """The HTML so that its links open in a window of their own, not inside the frame that shows it."""
    return _HEAD.sub(lambda head: head.group() + '<base target="_blank">', html, count=1)


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
