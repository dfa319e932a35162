"""What a mail server's answers mean (RFC 5321, RFC 3463). Pure.

Of a 4xx some speak of this recipient (greylisting, a full mailbox) and some of us (too many connections, too fast,
the server's disk is full): the former is Retryable, the latter Throttled. Of a 5xx at RCPT or after the message
this delivery is Permanent; before a recipient is named (greeting, TLS, AUTH, MAIL) a 5xx says that our settings are
wrong, which must not cost anyone their subscription: everything waits until staff have mended it.
"""

from __future__ import annotations

import re
import ssl

from tribune.domain.errors import DeliveryError, Permanent, Retryable, Throttled

_ABOUT_US = re.compile(
    r"\b4\.(3\.[12]|4\.5|7\.28|7\.500)\b|too (many|much)|rate.?limit|throttl|slow(ing)? down|server (is )?busy",
    re.IGNORECASE,
)
_OF_AN_ADDRESS = re.compile(r"\d{3} 4\.[12]\.\d")
"""A mailbox or an address (RFC 3463, x.1.x and x.2.x): whatever the words are, they are not about us."""
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


def told(code: int, words: bytes) -> str:
    """The answer in one line: code, enhanced code, words. Addresses may stand in it (hand_over.py cuts them out)."""
    lines = words.decode("utf-8", "replace").splitlines() or [""]
    first = _ENHANCED.match(lines[0])
    if first:
        # A long answer repeats its enhanced code on every line (RFC 2034).
        lines = [lines[0], *(line.removeprefix(first.group()).strip() for line in lines[1:])]
    return " ".join(" ".join([str(code), *lines]).split())[:1000]


def judged(code: int, words: bytes) -> DeliveryError:
    """What an answer to RCPT, to DATA or to the message means."""
    answer = told(code, words)
    about_us = 400 <= code < 500 and not _OF_AN_ADDRESS.match(answer) and _ABOUT_US.search(answer)
    if code == 421 or about_us:
        return Throttled("The mail server asks us to slow down.", code=answer, of_mail=True, for_all=code == 421)
    if 400 <= code < 500:
        return Retryable("The mail server cannot take this now.", code=answer)
    if 500 <= code < 600:
        return Permanent("The mail server refused this for good.", code=answer)
    return Retryable("The mail server's answer makes no sense.", code=answer)


def ours(code: int, words: bytes, step: str) -> Throttled:
    """An answer that refuses us rather than a recipient."""
    answer = told(code, words)
    if 400 <= code < 500:
        return Throttled(f"The mail server does not take mail now ({step}).", code=answer)
    return Throttled(
        f"The mail server refuses us ({step}).", code=answer, hint="See `tribune check`; nothing is lost, mails wait."
    )


def unreachable(error: OSError | UnicodeError, host: str, port: int) -> Throttled:
    """The connection could not be made."""
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return Throttled(
            f"The certificate of the mail server is not valid: {error.verify_message}.",
            code="bad certificate",
            where=where,
            hint="Mend the server's certificate, or name its authority in email.smtp.ca_file.",
        )
    if isinstance(error, ssl.SSLError):
        return Throttled(
            "No TLS connection could be made.",
            code="no TLS",
            where=where,
            hint="Is email.smtp.security right for this port (587: starttls, 465: tls)?",
        )
    why = getattr(error, "strerror", None) or type(error).__name__
    return Throttled(
        f"The mail server cannot be reached: {why}.", code="not reachable", where=where, hint="See email.smtp."
    )


def not_offered(what: str) -> Throttled:
    """The server lacks what the settings ask for."""
    return Throttled(
        f"The mail server does not offer what the settings ask for ({what}).",
        code="no STARTTLS or AUTH",
        hint="Nothing is sent in the clear. See email.smtp.security and email.smtp.auth.",
    )


def hung_up(step: str) -> Throttled:
    """The connection ended while it was being made."""
    return Throttled(f"The mail server closed the connection ({step}).", code="connection closed")


def too_slow(step: str) -> Throttled:
    """The server took longer than the time-out."""
    return Throttled(f"The mail server does not answer in time ({step}).", code="time-out")
