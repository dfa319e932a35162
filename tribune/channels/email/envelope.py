"""What no channel lets through: an address that ends a command early, line ends that end a message early."""

from __future__ import annotations

import re

from tribune.domain.errors import Permanent
from tribune.ports.channels import OutgoingMail

_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_ADDRESS = re.compile(r"[^\x00-\x20\x7f<>]+@[^\x00-\x20\x7f<>@]+")


def refusal(mail: OutgoingMail) -> Permanent | None:
    """Why this mail is never handed to anyone (SMTP injection, SMTP smuggling), or None."""
    if not _ADDRESS.fullmatch(mail.recipient) or len(mail.recipient.encode("utf-8", "surrogatepass")) > 320:
        return Permanent("The recipient's address is not one.", code="553 5.1.3 not an address (refused here)")
    if not _ADDRESS.fullmatch(mail.sender) or not mail.sender.isascii():
        return Permanent("The return path is not an address.", code="553 5.1.7 not a return path (refused here)")
    if _BARE_LINE_END.search(mail.content):
        return Permanent("The message has a bare CR or LF.", code="550 5.6.0 bare CR or LF (refused here)")
    return None
