"""SMTP passes the channels' contract, against a real server over verified STARTTLS with AUTH."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contracts.email_contract import EmailContract, Received
from tests.mail_servers import Mailbox, mail_server
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
