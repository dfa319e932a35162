"""SMTP connections: kept, lost, refused, slow; many at once."""

from __future__ import annotations

import socket
import time
from functools import partial

import pytest

from tests.contracts.email_contract import mail
from tests.mail_servers import Lines, nasty_server, polite
from tests.smtp_clients import errors, outcomes, plain
from tribune.domain.errors import Permanent, Retryable, Throttled, UnknownOutcome

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
        lines.line()

    with nasty_server(silent) as (port, _):
        before = time.monotonic()
        assert errors(plain(port, timeout=0.3)) == [Throttled]
        assert time.monotonic() - before < 9


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
        assert time.monotonic() - before < 9


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
