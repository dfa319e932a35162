"""SMTP passes the channels' contract: against a real server over verified STARTTLS with AUTH, on both event loops, and
against Postfix's smtp-sink in its ways of speaking."""

from __future__ import annotations

import asyncio
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contracts.email_contract import EmailContract, Received
from tests.mail_servers import Mailbox, mail_server
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
