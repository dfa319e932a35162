"""Plain SMTP (RFC 5321) through the standard library: TLS verified, AUTH, one answer per recipient.

One connection serves a call of `send`, one recipient a transaction: nothing of one person can get into another's
message. Dots are stuffed here (smtplib's `_quote_periods`), not in the composer. Which answer means what stands in
`replies.py`; the dialogue, with its deadline, in `session.py`.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from tribune.channels.email.envelope import refusal
from tribune.channels.email.replies import unreachable
from tribune.channels.email.session import Session
from tribune.domain.errors import ConfigurationError, DeliveryError, Retryable, Throttled
from tribune.domain.sending import InDoubt
from tribune.ports.channels import Outcome, OutgoingMail


class SmtpChannel:
    """Implements tribune.ports.channels.EmailChannel. `timeout` (seconds) is for each answer, and four times that for
    a whole mail. Raises ConfigurationError for a password that would cross the network in the clear."""

    name = "smtp"
    in_doubt = InDoubt.SEND_AGAIN

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: str = "starttls",
        username: str = "",
        password: str = "",
        ca_file: Path | None = None,
        timeout: float = 30.0,
    ) -> None:
        if username and security == "none" and not _is_loopback(host):
            raise ConfigurationError(
                "email.smtp.security = 'none': a password is never sent without TLS to another machine. "
                "Use 'starttls' or 'tls', or leave username and password out."
            )
        self._host, self._port, self._security = host, port, security
        self._username, self._password = username, password
        self._ca_file = ca_file
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"SmtpChannel({self._host}:{self._port}, {self._security})"

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        session: Session | None = None
        try:
            for mail in mails:
                if mail is None:
                    yield None
                    continue
                error: DeliveryError | None = refusal(mail)
                if error is None:
                    try:
                        session, error = self._send_one(session, mail)
                    except Throttled as throttled:
                        session, error = None, throttled
                yield Outcome(mail.delivery, error)
        finally:
            if session is not None:
                session.close()

    def forget_before(self, instant: datetime) -> int:
        """Nothing is kept here."""
        return 0

    def check(self) -> str:
        session = self._open()
        try:
            words = session.describe()
        finally:
            session.close()
        signed_in = f" Signed in as {self._username}." if self._username else " Nobody is signed in."
        return (
            f"The mail server {self._host}:{self._port} answers{words}.{signed_in} "
            "Tribune does not sign with DKIM: the mail server must."
        )

    def _send_one(self, session: Session | None, mail: OutgoingMail) -> tuple[Session | None, DeliveryError | None]:
        """Send over the kept connection, or a new one. A kept one that the server has closed meanwhile, or closes with
        421 before it knows the recipient, is replaced once: nothing has been handed over yet."""
        if session is not None and session.alive:
            started, error = session.send(mail)
            if started or session.alive:
                return session, error
        if session is not None:
            session.close()
        session = self._open()
        started, error = session.send(mail)
        if not started and isinstance(error, Retryable):
            # A server that hangs up on everyone says nothing about this recipient.
            error = Throttled("The mail server closes its connections.", code=error.code)
        return session, error

    def _open(self) -> Session:
        context = None if self._security == "none" else self._context()
        try:
            return Session.open(
                self._host, self._port, self._security, context, self._username, self._password, self._timeout
            )
        except (OSError, UnicodeError) as error:
            raise unreachable(error, self._host, self._port) from None

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._ca_file is not None:
            try:
                context.load_verify_locations(self._ca_file)
            except (OSError, ssl.SSLError):
                raise Throttled(
                    f"{self._ca_file} cannot be read as certificates (PEM).",
                    code="no certificates",
                    hint="Set email.smtp.ca_file to your authority's certificate, or leave it out.",
                ) from None
        return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
