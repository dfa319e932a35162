"""SMTP passes the channels' contract: against a real server over verified STARTTLS with AUTH, on both event loops, and
against Postfix's smtp-sink in its ways of speaking, and against a server that does all that servers may."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contracts.email_contract import EmailContract, Received
from tests.mail_servers import Lines, Mailbox, mail_server, nasty_server
from tests.smtp_sink import dumped, needs_sink, smtp_sink
from tribune.channels.email.smtp import SmtpChannel


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class TestSmtpChannel(EmailContract):
    @pytest.fixture
    def channel(self, authority: trustme.CA, tmp_path: Path) -> Iterator[SmtpChannel]:
        ca_file = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(ca_file)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
        self.mailbox = Mailbox()
        options: dict[str, Any] = {
            "tls_context": tls,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": self.mailbox.authenticate,
        }
        with mail_server(self.mailbox, **options) as port:
            channel = SmtpChannel(
                host="127.0.0.1",
                port=port,
                security="starttls",
                username="tribune",
                password="correct horse",
                ca_file=ca_file,
                timeout=5,
            )
            yield channel
            channel.close()
        assert all(self.mailbox.secure)

    def received(self) -> list[Received]:
        return self.mailbox.mails


class TestSmtpChannelWithoutUvloop(TestSmtpChannel):
    @pytest.fixture(autouse=True)
    def no_uvloop(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setitem(sys.modules, "uvloop", None)  # importing it fails, as where it is not installed
        yield

    def test_the_loop_is_python_s_own(self, channel: SmtpChannel) -> None:
        with channel._pool() as pool:
            assert type(pool._loop).__module__.startswith("asyncio")
        assert isinstance(pool._loop, asyncio.AbstractEventLoop)


@needs_sink
class TestSmtpSink(EmailContract):
    @pytest.fixture(params=["", "-p", "-e", "-8 -E -a"], ids=["pipelined", "one by one", "HELO", "7-bit"])
    def channel(self, request: pytest.FixtureRequest) -> Iterator[SmtpChannel]:
        # Where we are root it runs as nobody, who cannot enter pytest's own folders.
        with tempfile.TemporaryDirectory(prefix="tribune-sink-") as folder:
            self.folder = Path(folder)
            self.folder.chmod(0o777)
            with smtp_sink("-d", f"{folder}/mail.", *str(request.param).split()) as port:
                channel = SmtpChannel(host="127.0.0.1", port=port, security="none", timeout=5)
                yield channel
                channel.close()

    def received(self) -> list[Received]:
        return [Received(*told) for told in dumped(self.folder)]


class TestNastyServer(EmailContract):
    """Answers in many lines and in pieces, offers what nobody knows, forwards, takes
    three mails a connection and then hangs up, with a word or without one."""

    @pytest.fixture(params=[True, False], ids=["pipelined", "one by one"])
    def channel(self, request: pytest.FixtureRequest) -> Iterator[SmtpChannel]:
        self.taken: list[Received] = []
        self.connections = 0
        self.words = [b"nasty.example", b"X-WHAT 1=2 =", b"SIZE 99999999999999999999999", b"8bitmime", b"AUTH"]
        if request.param:
            self.words.append(b"PipeLining")
        with nasty_server(self.talk, together=True) as (port, _):
            channel = SmtpChannel(host="127.0.0.1", port=port, security="none", timeout=5, connections=4)
            yield channel
            channel.close()

    def received(self) -> list[Received]:
        return self.taken

    def talk(self, connection: socket.socket, lines: Lines) -> None:
        self.connections += 1
        number, said = self.connections, 0

        def say(code: int, *words: bytes) -> None:
            nonlocal said
            said += 1
            reply = b"".join(b"%d-%b\r\n" % (code, word) for word in words[:-1]) + b"%d %b\r\n" % (code, words[-1])
            cut = said * 7 % len(reply)
            connection.sendall(reply[:cut])
            if said % 3 == 0:
                time.sleep(0.001)
            connection.sendall(reply[cut:])

        say(220, b"nasty.example", b"ESMTP 250 OK", b"354 welcome")
        sender = recipient = ""
        mails = 0
        while line := lines.line():
            word, path = line[:4].upper(), line.partition(b"<")[2].partition(b">")[0].decode()
            if word == b"EHLO":
                say(250, *self.words)
            elif word == b"DATA":
                say(354, b"250 go on")
                content = lines.message().removesuffix(b".\r\n")
                content = content.replace(b"\r\n..", b"\r\n.")
                self.taken.append(Received(sender, recipient, content))
                mails += 1
                say(250, b"2.0.0 taken", b"", b"2.0.0 as " + str(len(self.taken)).encode())
                if mails == 3:
                    if number % 2:
                        say(421, b"4.4.2 enough")
                    return
            elif word == b"QUIT":
                say(221, b"2.0.0 bye")
                return
            else:
                sender, recipient = (path, "") if word == b"MAIL" else (sender, path)
                say(250, b"2.1.0 yes", b"2.1.0 really") if word == b"MAIL" else say(251, b"2.1.5 will forward")
