"""Plain SMTP against real servers: good ones, and ones that do what real servers have done."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contracts.email_contract import mail
from tests.mail_servers import Lines, Mailbox, mail_server, nasty_server, polite
from tribune.channels.email.smtp import SmtpChannel
from tribune.domain.errors import ConfigurationError, DeliveryError, Permanent, Retryable, Throttled, UnknownOutcome
from tribune.ports.channels import Outcome, OutgoingMail


def plain(port: int, timeout: float = 3.0) -> SmtpChannel:
    """One connection: the scripts of a nasty server are played one after the other."""
    return SmtpChannel(host="127.0.0.1", port=port, security="none", timeout=timeout, connections=1)


def outcomes(channel: SmtpChannel, *mails: OutgoingMail) -> list[Outcome]:
    """What became of each mail, in the order of their names. Says goodbye at the end."""
    try:
        told = [outcome for outcome in channel.send(mails or [mail(1)]) if outcome is not None]
    finally:
        channel.close()
    return sorted(told, key=lambda outcome: int(outcome.delivery.rpartition(".")[2]))


def errors(channel: SmtpChannel, *mails: OutgoingMail) -> list[type[DeliveryError] | None]:
    """The same by class."""
    return [type(outcome.error) if outcome.error else None for outcome in outcomes(channel, *mails)]


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


# -- answers per recipient ------------------------------------------------------------------------------------


def test_each_recipient_has_an_answer_of_their_own_and_the_server_s_words_are_kept() -> None:
    mailbox = Mailbox()
    mailbox.answers = {
        "reader2@example.org": "550 5.1.1 no such user here",
        "reader3@example.org": "450 4.2.0 greylisted, come back",
        "reader5@example.org": "551 moved away",
    }
    mailbox.after = {
        "reader4@example.org": "554 5.7.1 looks like spam",
        "reader6@example.org": "451 4.2.2 mailbox full",
    }
    with mail_server(mailbox) as port:
        told = outcomes(plain(port), *(mail(n) for n in range(1, 8)))
    assert [(type(o.error).__name__, o.error.code) if o.error else "sent" for o in told] == [
        "sent",
        ("Permanent", "550 5.1.1 no such user here"),
        ("Retryable", "450 4.2.0 greylisted, come back"),
        ("Permanent", "554 5.7.1 looks like spam"),
        ("Permanent", "551 moved away"),
        ("Retryable", "451 4.2.2 mailbox full"),
        "sent",
    ]
    assert [got.recipient for got in mailbox.mails] == ["reader1@example.org", "reader7@example.org"]


def test_one_connection_serves_many_mails_whatever_became_of_some() -> None:
    mailbox = Mailbox()
    mailbox.answers = {"reader2@example.org": "550 5.1.1 no"}
    with mail_server(mailbox) as port:
        outcomes(plain(port), *(mail(n) for n in range(50)))
    assert mailbox.connections == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"421 4.7.0 too many connections", Throttled),
        (b"450 4.7.28 our rate limit", Throttled),
        (b"451 4.3.1 disk full", Throttled),
        (b"452 4.5.3 too many recipients", Throttled),
        (b"450 4.7.1 greylisted", Retryable),
        (b"450-4.2.1 first line\r\n450 4.2.1 second line", Retryable),
        (b"550 5.1.1 unknown", Permanent),
        (b"999 what", Retryable),
        (b"garbage", Retryable),
    ],
)
def test_answers_to_a_recipient(answer: bytes, kind: type[DeliveryError]) -> None:
    with nasty_server(partial(polite, rcpt=answer)) as (port, _):
        assert errors(plain(port)) == [kind]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"250 2.0.0 queued", None),
        (b"421 4.3.2 shutting down", Throttled),
        (b"452 4.3.1 no space", Throttled),
        (b"451 4.2.2 full", Retryable),
        (b"554 5.6.0 no", Permanent),
        (b"what?", UnknownOutcome),
        (b"354 go on", UnknownOutcome),
        (b"2" * 9000, UnknownOutcome),
        (None, UnknownOutcome),
    ],
)
def test_answers_to_a_message(answer: bytes | None, kind: type[DeliveryError] | None) -> None:
    with nasty_server(partial(polite, end=answer)) as (port, _):
        assert errors(plain(port)) == [kind]


@pytest.mark.parametrize("answer", [b"550 5.1.8 we do not know you", b"530 5.7.0 sign in first", b"451 4.7.1 not now"])
def test_a_refusal_of_us_costs_no_recipient_anything(answer: bytes) -> None:
    with nasty_server(partial(polite, mail=answer)) as (port, _):
        assert errors(plain(port)) == [Throttled]


def test_a_message_that_is_too_large_is_its_own_fault() -> None:
    with nasty_server(partial(polite, mail=b"552 5.3.4 too large", extensions=(b"SIZE 1000",))) as (port, _):
        assert errors(plain(port)) == [Permanent]


# -- connections ----------------------------------------------------------------------------------------------


def test_a_connection_lost_after_the_final_dot_is_an_unknown_outcome_and_the_next_mail_goes_on() -> None:
    with nasty_server(partial(polite, end=None), polite) as (port, connections):
        assert errors(plain(port), mail(1), mail(2)) == [UnknownOutcome, None]
        assert len(connections) == 2


def test_a_connection_lost_within_the_message_is_not() -> None:
    def within(connection: socket.socket, lines: Lines) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"220 hello\r\n")
        for answer in (b"250 nasty.example", b"250 OK", b"250 OK", b"354 go"):
            lines.line()
            connection.sendall(answer + b"\r\n")
        lines.line()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    big = mail(1, ("x" * 70 + "\r\n") * 200_000)
    with nasty_server(within) as (port, _):
        (outcome,) = outcomes(plain(port), big)
    assert isinstance(outcome.error, Retryable)
    assert outcome.error.code == "connection lost within the message"


def test_a_kept_connection_that_the_server_closed_is_replaced_without_a_word() -> None:
    with nasty_server(partial(polite, mails=1)) as (port, connections):
        assert errors(plain(port), mail(1), mail(2), mail(3)) == [None, None, None]
        assert len(connections) == 3


def test_a_server_that_says_421_to_a_kept_connection_gets_a_new_one() -> None:
    def tired(connection: socket.socket, lines: Lines) -> None:
        polite_once = partial(polite, mails=1)
        polite_once(connection, lines)
        lines.line()
        connection.sendall(b"421 4.4.2 idle too long\r\n")

    with nasty_server(tired) as (port, connections):
        assert errors(plain(port), mail(1), mail(2)) == [None, None]
        assert len(connections) == 2


def test_a_server_that_hangs_up_on_everyone_is_away_and_no_recipient_pays_for_it() -> None:
    def hang_up(connection: socket.socket, lines: Lines) -> None:
        connection.sendall(b"220 hello\r\n")
        lines.line()
        connection.sendall(b"250 nasty.example\r\n")

    with nasty_server(hang_up) as (port, _):
        assert errors(plain(port)) == [Throttled]


def test_no_server_at_all_lets_mails_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (outcome,) = outcomes(plain(port))
    assert isinstance(outcome.error, Throttled)
    assert "refused" in str(outcome.error)


@pytest.mark.parametrize("greeting", [b"554 5.7.1 go away", b"421 busy", b"hello"])
def test_a_greeting_that_is_a_refusal(greeting: bytes) -> None:
    with nasty_server(partial(polite, greeting=greeting)) as (port, _):
        assert errors(plain(port)) == [Throttled]


def test_a_server_that_never_answers_is_left_after_the_time_out() -> None:
    def silent(connection: socket.socket, lines: Lines) -> None:
        time.sleep(3)

    with nasty_server(silent) as (port, _):
        before = time.monotonic()
        assert errors(plain(port, timeout=0.3)) == [Throttled]
        assert time.monotonic() - before < 2.5


def test_a_server_that_sends_a_byte_now_and_then_is_left_too() -> None:
    def drip(connection: socket.socket, lines: Lines) -> None:
        connection.sendall(b"220 hello\r\n")
        lines.line()
        for _ in range(100):
            connection.sendall(b"2")
            time.sleep(0.1)

    with nasty_server(drip) as (port, _):
        before = time.monotonic()
        assert errors(plain(port, timeout=0.3)) == [Throttled]
        assert time.monotonic() - before < 5


def test_an_answer_that_comes_in_pieces_is_one_answer() -> None:
    def pieces(connection: socket.socket, lines: Lines) -> None:
        for answer in (b"220 hello", b"250-nasty.example\r\n250 SIZE", b"250 OK", b"250 OK", b"354 go"):
            for byte in answer + b"\r\n":
                connection.sendall(bytes([byte]))
                time.sleep(0.001)
            if answer != b"354 go":
                lines.line()
        lines.message()
        connection.sendall(b"250-2.0.0 ta")
        time.sleep(0.05)
        connection.sendall(b"ken\r\n250 2.0.0 really\r\n")

    with nasty_server(pieces) as (port, _):
        assert errors(plain(port)) == [None]


def test_a_recipient_s_refusal_never_leaks_into_the_next_mail() -> None:
    """The table is cleared (RSET) after a refusal; a server that will not is left, and another connection made."""
    seen: list[bytes] = []

    def no_reset(connection: socket.socket, lines: Lines) -> None:
        connection.sendall(b"220 hello\r\n")
        while line := lines.line():
            seen.append(line)
            word = line[:4].upper()
            answers = {b"RCPT": b"550 5.1.1 no", b"RSET": b"500 what", b"QUIT": b"221 bye"}
            connection.sendall(answers.get(word, b"250 OK") + b"\r\n")

    with nasty_server(no_reset, polite) as (port, connections):
        assert errors(plain(port), mail(1), mail(2)) == [Permanent, None]
        assert len(connections) == 2
    assert not any(b"reader2" in line for line in seen)


# -- TLS and AUTH ---------------------------------------------------------------------------------------------


def over_tls(port: int, ca_file: Path | None, security: str, **more: Any) -> SmtpChannel:
    return SmtpChannel(host="127.0.0.1", port=port, security=security, ca_file=ca_file, timeout=5, **more)


def test_implicit_tls_with_a_good_certificate(authority: trustme.CA, ca_file: Path) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox, tls=server_tls(authority)) as port:
        channel = over_tls(port, ca_file, "tls")
        assert errors(channel) == [None]
        assert mailbox.secure == [True]
        assert "TLSv1.3, its certificate is valid" in channel.check()


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


# -- addresses and letters ------------------------------------------------------------------------------------


@pytest.fixture
def traditional() -> Iterator[tuple[int, Mailbox]]:
    mailbox = Mailbox()
    with mail_server(mailbox, enable_SMTPUTF8=False) as port:
        yield port, mailbox


def test_an_address_beyond_ascii_is_refused_clearly_where_the_server_cannot_take_it(
    traditional: tuple[int, Mailbox],
) -> None:
    port, mailbox = traditional
    told = outcomes(plain(port), mail(1, recipient="élodie@example.org"), mail(2))
    assert isinstance(told[0].error, Permanent)
    assert "SMTPUTF8" in told[0].error.what
    assert told[1].error is None
    assert [got.recipient for got in mailbox.mails] == ["reader2@example.org"]


def test_a_domain_beyond_ascii_needs_no_smtputf8(traditional: tuple[int, Mailbox]) -> None:
    port, mailbox = traditional
    assert errors(plain(port), mail(1, recipient="info@bücher.example")) == [None]
    assert mailbox.mails[0].recipient == "info@xn--bcher-kva.example"


def test_an_address_beyond_ascii_goes_out_where_the_server_takes_it() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox, enable_SMTPUTF8=True) as port:
        assert errors(plain(port), mail(1, recipient="élodie@bücher.example"), mail(2)) == [None, None]
    assert [got.recipient for got in mailbox.mails] == ["élodie@bücher.example", "reader2@example.org"]


def test_eight_bit_text_is_declared_or_refused() -> None:
    seen: list[bytes] = []

    def listen(connection: socket.socket, lines: Lines) -> None:
        read = lines.line

        def line() -> bytes:
            seen.append(read())
            return seen[-1]

        lines.line = line  # type: ignore[method-assign]
        polite(connection, lines, extensions=(b"8BITMIME",))

    with nasty_server(listen) as (port, _):
        assert errors(plain(port), mail(1, "é\r\n")) == [None]
    assert any(b"BODY=8BITMIME" in line for line in seen)
    with nasty_server(polite) as (port, _):
        assert errors(plain(port), mail(1, "é\r\n"), mail(2)) == [Permanent, None]


def test_the_check_names_what_is_wrong() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Throttled, match=f"127.0.0.1:{port}: The mail server cannot be reached: Connection refused"):
        plain(port).check()
    with nasty_server(polite) as (port, _):
        assert "without TLS" in plain(port).check()
