"""One dialogue with a mail server. `smtplib` does the protocol; this holds what it leaves open: a deadline for the
whole mail (a server that sends a byte now and then beats any timeout for each read), and at which step a connection
was lost, because only after the final dot the outcome is unknown."""

from __future__ import annotations

import contextlib
import io
import smtplib
import socket
import ssl
from typing import Any

from tribune.channels.email.replies import judged, ours, told
from tribune.domain.errors import DeliveryError, Permanent, Retryable, UnknownOutcome
from tribune.ports.channels import OutgoingMail
from tribune.ports.clock import SystemClock

_monotonic = SystemClock().monotonic
"""Deadlines of sockets are real time, whatever clock the house runs on."""

_WHOLE_MAIL = 4
"""A mail may take this many time-outs in all: there are four answers to wait for."""


class _Reader(io.RawIOBase):
    """A socket's bytes, until a deadline."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        connection = self._connection
        left = connection.deadline - _monotonic()
        if left <= 0:
            raise TimeoutError("the mail server takes too long")
        connection.sock.settimeout(min(left, connection.limit))
        try:
            return connection.sock.recv_into(buffer)
        finally:
            connection.sock.settimeout(connection.limit)


class _Connection(smtplib.SMTP):
    """smtplib.SMTP whose reads end at `deadline`."""

    sock: socket.socket

    def __init__(self, host: str, port: int, name: str, limit: float, tls: ssl.SSLContext | None) -> None:
        self.limit = limit
        self._tls = tls
        self.allow(limit)
        super().__init__(host, port, local_hostname=name, timeout=limit)

    def allow(self, seconds: float) -> None:
        """Let what follows take this long in all."""
        self.deadline = _monotonic() + seconds

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            self.file = io.BufferedReader(_Reader(self))
        return super().getreply()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((host, port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return connection
        try:
            return self._tls.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise


class Session:
    """A connection that is ready for mails. `alive` is False once it must not be used any more."""

    def __init__(self, connection: _Connection, limit: float) -> None:
        self._connection = connection
        self._limit = limit
        self.alive = True

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        security: str,
        context: ssl.SSLContext | None,
        username: str,
        password: str,
        limit: float,
    ) -> Session:
        """Connect, secure, sign in. Raises OSError (ssl.SSLError, smtplib.SMTPException among them)."""
        connection = _Connection(host, port, _own_name(), limit, context if security == "tls" else None)
        try:
            connection.allow(_WHOLE_MAIL * limit)
            connection.ehlo_or_helo_if_needed()
            if security == "starttls":
                # Raises where the server does not offer it: we never go on in the clear.
                code, words = connection.starttls(context=context)
                if code != 220:
                    raise smtplib.SMTPResponseException(code, words)
                connection.ehlo()
            if username:
                connection.login(username, password)
        except BaseException:
            connection.close()
            raise
        return cls(connection, limit)

    def describe(self) -> str:
        """What this connection is like, in words."""
        tls = self._connection.sock
        version = tls.version() if isinstance(tls, ssl.SSLSocket) else None
        return f" over {version}, its certificate is valid" if version else " without TLS"

    def send(self, mail: OutgoingMail) -> tuple[bool, DeliveryError | None]:
        """One mail. Returns whether the server took the sender, so that what follows is about this mail, and what went
        wrong (None: sent)."""
        connection = self._connection
        connection.allow(_WHOLE_MAIL * self._limit)
        started = False
        try:
            address, options, refused = self._prepare(mail)
            if refused is not None:
                return True, refused
            code, words = connection.docmd("MAIL", f"FROM:<{mail.sender}>{options}")
            if code != 250:
                return self._refused_us(code, words)
            started = True
            code, words = connection.docmd("RCPT", f"TO:<{address}>")
            if code not in (250, 251, 252):
                return started, self._refused(code, words)
            code, words = connection.docmd("DATA")
            if code != 354:
                return started, self._refused(code, words)
        except (OSError, ValueError) as error:
            return started, self._lost("before the message", error)
        return started, self._hand_over(mail)

    def close(self) -> None:
        """Say goodbye where there is someone to hear it."""
        self._connection.allow(min(self._limit, 5.0))
        if self.alive:
            with contextlib.suppress(OSError, ValueError):
                self._connection.docmd("QUIT")
        self.alive = False
        self._connection.close()

    def _hand_over(self, mail: OutgoingMail) -> DeliveryError | None:
        connection = self._connection
        stuffed = smtplib._quote_periods(mail.content)  # type: ignore[attr-defined]
        try:
            # In one write: as long as it has not gone through, the server cannot have seen the final dot.
            connection.send(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        except OSError as error:
            return self._lost("within the message", error)
        try:
            code, words = connection.getreply()
        except smtplib.SMTPResponseException as error:
            self.alive = False
            return UnknownOutcome("The mail server's answer makes no sense.", code=told(error.smtp_code, b""))
        except (OSError, ValueError):
            self.alive = False
            return UnknownOutcome(
                "The connection was lost after the whole message: it may have been accepted.", code="no answer"
            )
        if 200 <= code < 300:
            return None
        if not 400 <= code < 600:
            self.alive = False
            return UnknownOutcome("The mail server's answer makes no sense.", code=told(code, words))
        error_ = judged(code, words)
        self.alive = code != 421
        return error_

    def _prepare(self, mail: OutgoingMail) -> tuple[str, str, Permanent | None]:
        """The address for RCPT, the options of MAIL, and a refusal where this server cannot carry the mail."""
        connection = self._connection
        local, _, domain = mail.recipient.rpartition("@")
        options = f" SIZE={len(mail.content)}" if connection.has_extn("size") else ""
        if not mail.content.isascii():
            if not connection.has_extn("8bitmime"):
                return (
                    "",
                    "",
                    Permanent("The mail server takes 7-bit only.", code="554 5.6.3 no 8BITMIME (refused here)"),
                )
            options += " BODY=8BITMIME"
        if local.isascii():
            if not domain.isascii():
                try:
                    domain = domain.encode("idna").decode()
                except UnicodeError:
                    return "", "", Permanent("The domain is not one.", code="553 5.1.2 bad domain (refused here)")
            return f"{local}@{domain}", options, None
        if not connection.has_extn("smtputf8"):
            return (
                "",
                "",
                Permanent(
                    "The mail server does not take addresses such as this one (SMTPUTF8).",
                    code="553 5.6.7 no SMTPUTF8 (refused here)",
                ),
            )
        connection.command_encoding = "utf-8"
        return mail.recipient, f"{options} SMTPUTF8", None

    def _refused(self, code: int, words: bytes) -> DeliveryError:
        """A recipient or a message was refused: clear the table for the next, or give the connection up."""
        error = judged(code, words)
        if code == 421 or not self._reset():
            self.alive = False
        return error

    def _refused_us(self, code: int, words: bytes) -> tuple[bool, DeliveryError | None]:
        if code == 552 or b"5.3.4" in words:
            return True, Permanent("The message is too large for the mail server.", code=told(code, words))
        self.alive = False
        return False, ours(code, words, "MAIL")

    def _reset(self) -> bool:
        try:
            return self._connection.docmd("RSET")[0] == 250
        except (OSError, ValueError):
            return False

    def _lost(self, when: str, error: Exception) -> DeliveryError:
        self.alive = False
        if isinstance(error, UnicodeError):
            return Permanent("The address cannot be written in ASCII.", code="553 5.1.3 not ASCII (refused here)")
        return Retryable("The connection was lost before the message was complete.", code=f"connection lost {when}")


def _own_name() -> str:
    """For EHLO: the machine's full name, else its address as a literal. No name server is asked."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
