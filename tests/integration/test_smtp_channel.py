"""SMTP against real servers: what their answers mean for each recipient, addresses, letters."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.email_contract import mail
from tests.mail_servers import Lines, Mailbox, mail_server, nasty_server, polite
from tests.smtp_clients import errors, outcomes, plain
from tribune.channels.email.smtp import SmtpChannel
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
    assert [got.recipient for got in mailbox.mails] == ["élodie@xn--bcher-kva.example", "reader2@example.org"]


def listen_in(lines: Lines, seen: list[bytes]) -> None:
    """Write down each line that a nasty server reads."""
    read = lines.line

    def line() -> bytes:
        seen.append(read())
        return seen[-1]

    lines.line = line  # type: ignore[method-assign]


def test_eight_bit_text_is_declared_or_refused() -> None:
    seen: list[bytes] = []

    def listen(connection: socket.socket, lines: Lines) -> None:
        listen_in(lines, seen)
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


# -- size, dots, nonsense -------------------------------------------------------------------------------------


def test_a_message_larger_than_the_server_takes_is_refused_before_it_is_offered() -> None:
    seen: list[bytes] = []

    def listen(connection: socket.socket, lines: Lines) -> None:
        listen_in(lines, seen)
        polite(connection, lines, extensions=(b"SIZE 2000", b"PIPELINING"))

    with nasty_server(listen) as (port, _):
        told = outcomes(plain(port), mail(1), mail(2, "x" * 70 + "\r\n" * 1000), mail(3))
    assert [type(outcome.error) for outcome in told] == [type(None), Permanent, type(None)]
    assert told[1].error is not None
    assert told[1].error.code.startswith("552 5.3.4")
    assert [line.split()[-1] for line in seen if line.startswith(b"MAIL")] == [
        b"SIZE=%d" % len(mail(n).content) for n in (1, 3)
    ]


@pytest.fixture(scope="module")
def open_house() -> Iterator[tuple[SmtpChannel, Mailbox]]:
    """One server and one channel for many examples."""
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        channel = plain(port)
        yield channel, mailbox
        channel.close()


LINES = st.one_of(st.sampled_from([".", "..", ".x", "", "QUIT", "RSET", ". "]), st.text("abc. ", max_size=30))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.lists(LINES, max_size=12), min_size=1, max_size=3), whole=st.booleans())
def test_whatever_stands_in_a_body_arrives_as_it_was(
    open_house: tuple[SmtpChannel, Mailbox], bodies: list[list[str]], whole: bool
) -> None:
    channel, mailbox = open_house
    mailbox.mails.clear()
    end = "\r\n" if whole else ""
    sent = [mail(n, "\r\n".join(body) + end) for n, body in enumerate(bodies)]
    assert [told.error for told in channel.send(sent) if told] == [None] * len(sent)
    # A message that does not end its last line is given a line end: there is no other way to say the final dot.
    assert [got.content.removesuffix(b"\r\n") for got in mailbox.mails] == [
        one.content.removesuffix(b"\r\n") for one in sent
    ]


SAID = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"220 hello\r\n",
                b"250 ok\r\n",
                b"250-a\r\n250 PIPELINING\r\n",
                b"354 go\r\n",
                b"421 bye\r\n",
                b"550 no\r\n",
            ]
        ),
        st.binary(max_size=20),
        st.just(b"2" * 5000),
    ),
    max_size=14,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=SAID, prompt=st.integers(0, 6))
def test_whatever_a_server_says_each_mail_has_one_outcome(
    talker: tuple[int, list[tuple[int, list[bytes]]]], pieces: list[bytes], prompt: int
) -> None:
    """It speaks as it likes, after it was good for a while, and hangs up."""
    port, script = talker
    script[:] = [(prompt, pieces)]
    channel = plain(port, timeout=2)
    told = list(channel.send([mail(1), mail(2)]))
    channel.close()
    assert sorted(outcome.delivery for outcome in told if outcome) == ["1.0.1", "1.0.2"]
    assert all(outcome.error is None or outcome.error.code for outcome in told if outcome)


@pytest.fixture(scope="module")
def talker() -> Iterator[tuple[int, list[tuple[int, list[bytes]]]]]:
    """A server that gives good answers to the first so many commands, and then says what the test wrote down."""
    script: list[tuple[int, list[bytes]]] = []
    good = [
        b"220 hello\r\n",
        b"250-x\r\n250 PIPELINING\r\n",
        b"250 ok\r\n",
        b"250 ok\r\n",
        b"354 go\r\n",
        b"250 taken\r\n",
    ]

    def talk(connection: socket.socket, lines: Lines) -> None:
        ((prompt, pieces),) = script
        for at, answer in enumerate(good[:prompt]):
            if at:
                lines.message() if at == 5 else lines.line()
            connection.sendall(answer + b"\r\n")
        for piece in pieces:
            connection.sendall(piece)

    with nasty_server(talk, together=True) as (port, _):
        yield port, script
