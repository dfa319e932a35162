"""SMTP over TLS, and signing in."""

from __future__ import annotations

import base64
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.contracts.email_contract import mail
from tests.mail_servers import Lines, Mailbox, mail_server, nasty_server
from tests.smtp_clients import errors, outcomes
from tribune.channels.email.smtp import SmtpChannel
from tribune.domain.errors import ConfigurationError, Throttled
from tribune.ports.channels import Outcome


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def server_tls(authority: trustme.CA, name: str = "127.0.0.1", **options: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name, **options).configure_cert(context)
    return context


# -- TLS -------------------------------------------------------------------------------------------------------


def over_tls(port: int, ca_file: Path | None, security: str, **more: Any) -> SmtpChannel:
    return SmtpChannel(host="127.0.0.1", port=port, security=security, ca_file=ca_file, timeout=5, **more)


def test_implicit_tls_with_a_good_certificate(authority: trustme.CA, ca_file: Path) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox, tls=server_tls(authority)) as port:
        channel = over_tls(port, ca_file, "tls")
        assert errors(channel) == [None]
        assert mailbox.secure == [True]
        assert "TLSv1.3, its certificate is valid" in channel.check()


def test_the_certificate_must_be_of_the_very_domain_that_was_written(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tribune.channels.email.smtp.pool.addresses_of", lambda *_: ["127.0.0.1"])
    for name, good in (("xn--strae-oqa.de", True), ("strasse.de", False)):
        with mail_server(Mailbox(), tls=server_tls(authority, name)) as port:
            channel = SmtpChannel(host="straße.de", port=port, security="tls", ca_file=ca_file, timeout=5)
            assert (errors(channel) == [None]) is good, name


@pytest.fixture(params=["tls", "starttls"])
def security(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refused_by(
    authority: trustme.CA, security: str, ca_file: Path | None, **certificate: Any
) -> tuple[Throttled, Mailbox]:
    mailbox = Mailbox()
    tls = server_tls(authority, **certificate)
    options: dict[str, Any] = {"tls": tls} if security == "tls" else {"tls_context": tls}
    with mail_server(mailbox, **options) as port:
        (outcome,) = outcomes(over_tls(port, ca_file, security))
    assert isinstance(outcome.error, Throttled)
    return outcome.error, mailbox


def test_a_certificate_of_an_unknown_authority_fails(authority: trustme.CA, security: str) -> None:
    error, mailbox = refused_by(authority, security, None)
    assert error.code == "bad certificate"
    assert mailbox.mails == []


def test_a_certificate_for_another_name_fails(authority: trustme.CA, security: str, ca_file: Path) -> None:
    error, mailbox = refused_by(authority, security, ca_file, name="mail.elsewhere.example")
    assert error.code == "bad certificate"
    assert "IP address mismatch" in error.what
    assert mailbox.mails == []


def test_an_expired_certificate_fails(authority: trustme.CA, security: str, ca_file: Path) -> None:
    from datetime import UTC, datetime

    error, mailbox = refused_by(authority, security, ca_file, not_after=datetime(2020, 1, 1, tzinfo=UTC))
    assert error.code == "bad certificate"
    assert "expired" in error.what
    assert mailbox.mails == []


def test_a_server_without_starttls_gets_nothing_in_the_clear(ca_file: Path) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        (outcome,) = outcomes(over_tls(port, ca_file, "starttls"))
    assert isinstance(outcome.error, Throttled)
    assert outcome.error.code == "no STARTTLS or AUTH"
    assert mailbox.mails == []


def test_words_slipped_in_before_tls_are_not_taken_for_answers(authority: trustme.CA, ca_file: Path) -> None:
    """STARTTLS response injection (CVE-2021-38371 and kin): what came in the clear is thrown away."""

    def inject(connection: socket.socket, lines: Lines) -> None:
        connection.sendall(b"220 hello\r\n")
        lines.line()
        connection.sendall(b"250-nasty.example\r\n250 STARTTLS\r\n")
        lines.line()
        connection.sendall(b"220 go\r\n250 injected\r\n")
        lines.line()

    with nasty_server(inject) as (port, _):
        assert errors(over_tls(port, ca_file, "starttls")) == [Throttled]


def test_a_wrong_password_lets_mails_wait_and_is_said(authority: trustme.CA, ca_file: Path) -> None:
    mailbox = Mailbox()
    options: dict[str, Any] = {
        "tls_context": server_tls(authority),
        "auth_required": True,
        "authenticator": mailbox.authenticate,
    }
    with mail_server(mailbox, **options) as port:
        channel = over_tls(port, ca_file, "starttls", username="tribune", password="wrong horse")
        assert errors(channel) == [Throttled]
        with pytest.raises(Throttled, match="user name and password") as told:
            channel.check()
    assert told.value.code.startswith("535")
    assert "wrong horse" not in str(told.value) + repr(channel)


def test_a_password_never_crosses_the_network_in_the_clear() -> None:
    with pytest.raises(ConfigurationError, match="without TLS"):
        SmtpChannel(host="mail.example.org", port=25, security="none", username="tribune", password="x")
    SmtpChannel(host="127.0.0.1", port=25, security="none", username="tribune", password="x")
    SmtpChannel(host="localhost", port=25, security="none", username="tribune", password="x")


# -- signing in -----------------------------------------------------------------------------------------------

TOKEN = "ya29.a0-token"
WRONG_TOKEN = base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode()


class Office(Mailbox):
    """Takes mail from who signs in, and keeps how they did."""

    def __init__(self) -> None:
        super().__init__()
        self.ways: list[str] = []

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        self.ways.append(mechanism)
        return super().authenticate(server, session, envelope, mechanism, data)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        self.ways.append("XOAUTH2")
        if base64.b64decode(args[1]) == f"user=tribune\x01auth=Bearer {TOKEN}\x01\x01".encode():
            return AuthResult(success=True, auth_data=b"tribune")
        assert await server.challenge_auth(WRONG_TOKEN, encode_to_b64=False) == b"", (
            "one empty line (as servers want it)"
        )
        return AuthResult(success=False, handled=False)


def signing_in(
    authority: trustme.CA, ca_file: Path, auth: str, password: str, *without: str, security: str = "starttls"
) -> tuple[list[Outcome], Office]:
    office, tls = Office(), server_tls(authority)
    options: dict[str, Any] = {
        "auth_required": True,
        "authenticator": office.authenticate,
        "auth_exclude_mechanism": without,
    }
    # aiosmtpd does not see TLS that was there from the first byte.
    options |= {"tls": tls, "auth_require_tls": False} if security == "tls" else {"tls_context": tls}
    with mail_server(office, **options) as port:
        channel = over_tls(port, ca_file, security, username="tribune", password=password, auth=auth, connections=1)
        return outcomes(channel, mail(1), mail(2)), office


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is TLS, which aiosmtpd does not see
@pytest.mark.parametrize(
    ("auth", "password"), [("plain", "correct horse"), ("login", "correct horse"), ("xoauth2", TOKEN)]
)
def test_each_way_of_signing_in(authority: trustme.CA, ca_file: Path, auth: str, password: str, security: str) -> None:
    told, office = signing_in(authority, ca_file, auth, password, security=security)
    assert [outcome.error for outcome in told] == [None, None]
    assert office.ways == [auth.upper()], "once for the connection"
    assert office.secure == [True, True] or security == "tls"


def test_a_renewed_token_is_read_from_its_file_at_the_next_sign_in(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    how: dict[str, Any] = {"username": "tribune", "auth": "xoauth2", "password_file": file, "connections": 1}
    office = Office()
    with mail_server(
        office, tls_context=server_tls(authority), auth_required=True, authenticator=office.authenticate
    ) as port:
        channel = over_tls(port, ca_file, "starttls", **how)
        (missing,) = outcomes(channel, mail(1))
        assert isinstance(missing.error, Throttled) and "cannot be read" in str(missing.error)
        file.write_text("expired\n")
        (refused,) = outcomes(over_tls(port, ca_file, "starttls", **how), mail(1))
        assert isinstance(refused.error, Throttled) and refused.error.code.startswith("535")
        file.write_text(f"{TOKEN}\n")
        (taken,) = outcomes(channel, mail(1))
        assert taken.error is None


@pytest.mark.parametrize("auth", ["plain", "login", "xoauth2"])
@pytest.mark.parametrize("password", ["wrong horse", "", "pässwörd \0 with everything", "x" * 300])
def test_a_wrong_secret_costs_no_recipient_anything_and_is_told_nowhere(
    authority: trustme.CA, ca_file: Path, auth: str, password: str
) -> None:
    told, office = signing_in(authority, ca_file, auth, password)
    for outcome in told:
        assert isinstance(outcome.error, Throttled)
        assert outcome.error.code.startswith(("535", "501"))
        assert not password or password not in repr(outcome) + str(outcome.error)
    assert office.mails == []
    assert set(office.ways) <= {auth.upper()}


@pytest.mark.parametrize(
    ("auth", "without", "way"),
    [
        ("auto", (), "PLAIN"),
        ("auto", ("PLAIN",), "LOGIN"),
        ("plain", ("PLAIN",), ""),
        ("xoauth2", ("XOAUTH2",), ""),
        ("auto", ("PLAIN", "LOGIN"), ""),
    ],
)
def test_a_way_that_the_server_does_not_offer_is_not_tried(
    authority: trustme.CA, ca_file: Path, auth: str, without: tuple[str, ...], way: str
) -> None:
    told, office = signing_in(authority, ca_file, auth, "correct horse", *without)
    assert office.ways == ([way] if way else [])
    if not way:
        assert {outcome.error.code for outcome in told if outcome.error} == {"no STARTTLS or AUTH"}
        assert len(office.mails) == 0
