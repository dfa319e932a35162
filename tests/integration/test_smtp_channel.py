"""SMTP against real servers: what their answers mean for each recipient, addresses, letters."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial

import pytest

from tests.contracts.email_contract import mail
from tests.mail_servers import Lines, Mailbox, mail_server, nasty_server, polite
from tests.smtp_clients import errors, outcomes, plain
from tribune.domain.errors import DeliveryError, Permanent, Retryable, Throttled, UnknownOutcome

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
