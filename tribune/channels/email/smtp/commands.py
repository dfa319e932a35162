"""What a server can do (EHLO), the envelope of a mail for it, and the bytes of a message. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tribune.channels.email.envelope import has_leading_dot
from tribune.channels.email.smtp.parser import Reply
from tribune.domain.addresses import host_name
from tribune.domain.errors import Permanent
from tribune.ports.channels import OutgoingMail


@dataclass(frozen=True, slots=True)
class Abilities:
    """The extensions that a server offered. `size`: the largest message it takes in bytes, 0: it names none."""

    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    starttls: bool = False
    sizes: bool = False
    size: int = 0
    mechanisms: frozenset[str] = frozenset()

    @classmethod
    def of(cls, reply: Reply) -> Abilities:
        """From the reply to EHLO: its first line is the server's name."""
        words: dict[str, list[str]] = {}
        for line in reply.words.decode("utf-8", "replace").split("\n")[1:]:
            # AUTH=PLAIN is how servers spelt it before RFC 4954.
            name, *told = line.upper().replace("AUTH=", "AUTH ").split() or [""]
            words.setdefault(name, []).extend(told)
        size = next(iter(words.get("SIZE", [])), "")
        return cls(
            pipelining="PIPELINING" in words,
            eight_bit="8BITMIME" in words,
            utf8="SMTPUTF8" in words,
            starttls="STARTTLS" in words,
            sizes="SIZE" in words,
            size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else 0,
            mechanisms=frozenset(words.get("AUTH", [])),
        )


def envelope(mail: OutgoingMail, server: Abilities) -> bytes | Permanent:
    """The three commands of a mail, each with its line end, or why this server cannot carry it."""
    recipient, content = mail.recipient, mail.content
    options = ""
    if server.sizes:
        if server.size and len(content) > server.size:
            return Permanent(
                "The message is too large for the mail server.",
                code=f"552 5.3.4 {len(content)} bytes, it takes {server.size} (refused here)",
            )
        options = f" SIZE={len(content)}"
    if not content.isascii():
        if not server.eight_bit:
            return Permanent("The mail server takes 7-bit only.", code="554 5.6.3 no 8BITMIME (refused here)")
        options += " BODY=8BITMIME"
    if not recipient.isascii():
        local, _, domain = recipient.rpartition("@")
        if not local.isascii():
            if not server.utf8:
                return Permanent(
                    "The mail server does not take addresses such as this one (SMTPUTF8).",
                    code="553 5.6.7 no SMTPUTF8 (refused here)",
                )
            options += " SMTPUTF8"
        try:
            # Also with SMTPUTF8: a server that converts by the old rule would make another domain of straße.de.
            recipient = f"{local}@{host_name(domain)}"
        except ValueError:
            return Permanent("The domain is not one.", code="553 5.1.2 bad domain (refused here)")
    try:
        return f"MAIL FROM:<{mail.sender}>{options}\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()
    except UnicodeError:
        return Permanent("The address cannot be written in UTF-8.", code="553 5.1.3 not an address (refused here)")


def ended(mail: OutgoingMail) -> tuple[bytes, bytes]:
    """A message as it goes over the line: dots doubled where a line begins with one; and its final dot."""
    content = mail.content
    if not mail.sound and has_leading_dot(content):
        content = content.replace(b"\r\n.", b"\r\n..")
        if content.startswith(b"."):
            content = b"." + content
    return content, (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")
