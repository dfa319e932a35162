"""Real mail servers on 127.0.0.1 for tests: a well-behaved one (aiosmtpd), and one whose every answer a test writes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.contracts.email_contract import Received


class Mailbox:
    """Takes every mail. `answers`: recipient -> what RCPT is answered; `after`: what the message is answered."""

    def __init__(self) -> None:
        self.mails: list[Received] = []
        self.answers: dict[str, str] = {}
        self.after: dict[str, str] = {}
        self.connections = 0
        self.secure: list[bool] = []
        self.users: list[str] = []

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if session.ssl is None:
            self.connections += 1
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (recipient,) = envelope.rcpt_tos
        answer = self.after.get(recipient, "250 2.0.0 taken")
        if answer.startswith("2"):
            content = envelope.original_content
            assert isinstance(content, bytes)
            assert envelope.mail_from is not None
            self.mails.append(Received(envelope.mail_from, recipient, content))
            assert server.transport is not None
            self.secure.append(server.transport.get_extra_info("ssl_object") is not None)
        return answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and data == LoginPassword(b"tribune", b"correct horse")
        if known:
            self.users.append(data.login.decode())
        return AuthResult(success=known, handled=False)


class _Controller(Controller):
    def __init__(self, mailbox: Mailbox, port: int, **options: Any) -> None:
        super().__init__(mailbox, hostname="127.0.0.1", port=port, ready_timeout=10, **options)

    def _trigger_server(self) -> None:
        # The parent class connects to its own port, which for port 0 it does not know yet.
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(mailbox: Mailbox, tls: ssl.SSLContext | None = None, port: int = 0, **options: Any) -> Iterator[int]:
    """A well-behaved server; the port it listens on. `tls` is TLS from the first byte."""
    if tls is not None:
        options["ssl_context"] = tls
    controller = _Controller(mailbox, port, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


Script = Callable[[socket.socket, "Lines"], None]


class Lines:
    """Reads a client's lines from a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")

    def line(self) -> bytes:
        return self._file.readline()

    def message(self) -> bytes:
        """Up to the final dot."""
        read = b""
        while not (read == b".\r\n" or read.endswith(b"\r\n.\r\n")):
            more = self._file.readline()
            if not more:
                break
            read += more
        return read

    def close(self) -> None:
        self._file.close()


@contextmanager
def nasty_server(
    *scripts: Script, port: int = 0, together: bool = False, window: int = 0
) -> Iterator[tuple[int, list[int]]]:
    """A server that plays one script a connection (the last one again and again), then hangs up.

    Gives its port, and the list of connections so far. One connection is served after the other, unless `together`.
    `window`: how many bytes its kernel takes that it has not read.
    """
    listening = socket.create_server(("127.0.0.1", port))
    if window:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connections: list[int] = []
    open_ones: set[socket.socket] = set()
    threads: list[threading.Thread] = []

    def play(script: Script, connection: socket.socket) -> None:
        lines = Lines(connection)
        try:
            connection.settimeout(10)
            script(connection, lines)
        except OSError:
            pass
        finally:
            open_ones.discard(connection)
            lines.close()
            connection.close()

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            open_ones.add(connection)
            connections.append(len(connections))
            script = scripts[min(len(connections), len(scripts)) - 1]
            if together:
                threads.append(threading.Thread(target=play, args=(script, connection)))
                threads[-1].start()
            else:
                play(script, connection)

    threads.append(threading.Thread(target=serve))
    threads[0].start()
    try:
        yield listening.getsockname()[1], connections
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in list(open_ones):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)


def polite(
    connection: socket.socket,
    lines: Lines,
    *,
    mail: bytes = b"250 OK",
    rcpt: bytes = b"250 OK",
    data: bytes = b"354 go",
    end: bytes | None = b"250 taken",
    greeting: bytes = b"220 hello",
    extensions: tuple[bytes, ...] = (),
    mails: int = 1000,
    goodbye: bytes = b"",
) -> None:
    """A dialogue with the given answers; `end` None hangs up after the final dot; it leaves after `mails`, perhaps with
    a word. A recipient who was refused does not keep it from saying 354."""
    connection.sendall(greeting + b"\r\n")
    while line := lines.line():
        word = line.split(b" ")[0].strip().upper()
        if word == b"EHLO":
            told = [b"nasty.example", *extensions]
            connection.sendall(b"".join(b"250-" + each + b"\r\n" for each in told[:-1]) + b"250 " + told[-1] + b"\r\n")
        elif word == b"DATA":
            connection.sendall(data + b"\r\n")
            if not data.startswith(b"354"):
                continue
            lines.message()
            if end is None:
                return
            connection.sendall(end + b"\r\n")
            mails -= 1
            if not mails:
                connection.sendall(goodbye)
                return
        elif word == b"QUIT":
            connection.sendall(b"221 bye\r\n")
            return
        else:
            answer = {b"MAIL": mail, b"RCPT": rcpt}.get(word, b"250 OK")
            connection.sendall(answer + b"\r\n")
