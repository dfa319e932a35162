"""Postfix's smtp-sink when it refuses, hangs up, is slow, or stops: every mail has one outcome, and the right one."""

from __future__ import annotations

import time

import pytest

from tests.contracts.email_contract import mail
from tests.smtp_clients import errors, outcomes, plain
from tests.smtp_sink import needs_sink, smtp_sink
from tribune.domain.errors import DeliveryError, Permanent, Retryable, Throttled, UnknownOutcome

pytestmark = needs_sink
Kind = type[DeliveryError] | None
MAILS = [mail(n) for n in range(7)]


def told(*options: str, connections: int = 3, timeout: float = 5.0) -> list[Kind]:
    with smtp_sink(*options) as port:
        found = errors(plain(port, connections=connections, timeout=timeout), *MAILS)
    assert len(found) == len(MAILS)
    return found


@pytest.mark.parametrize(
    ("step", "hard", "soft"),
    [
        ("CONNECT", Throttled, Throttled),
        ("EHLO", None, Throttled),  # for good: it knows HELO
        ("EHLO, HELO", Throttled, Throttled),
        ("MAIL", Throttled, Throttled),  # it refuses us, and no recipient pays for that
        ("RCPT", Permanent, Retryable),
        ("RCPT, RSET", Permanent, Retryable),
        ("DATA", Permanent, Retryable),
        (".", Permanent, Retryable),
        ("QUIT", None, None),
    ],
)
@pytest.mark.parametrize("option", ["-f", "-r"])
def test_it_refuses(option: str, step: str, hard: Kind, soft: Kind) -> None:
    assert set(told(option, step)) == {hard if option == "-f" else soft}


@pytest.mark.parametrize(
    ("step", "without_a_word", "with_421"),
    [
        ("CONNECT", Throttled, Throttled),
        ("EHLO", Throttled, Throttled),
        ("MAIL", Throttled, Throttled),
        ("RCPT", Retryable, Throttled),
        ("DATA", Retryable, Throttled),
        (".", UnknownOutcome, Throttled),  # only here was the message complete; 421 says that it was not taken
        ("QUIT", None, None),
    ],
)
@pytest.mark.parametrize("option", ["-q", "-Q"])
def test_it_hangs_up(option: str, step: str, without_a_word: Kind, with_421: Kind) -> None:
    assert set(told(option, step, "-p")) == {without_a_word if option == "-q" else with_421}


def test_one_that_hangs_up_on_every_message_is_left_alone_with_the_next_one() -> None:
    """Behind a message stood the next envelope: of that mail nothing has left, and a server such as this one rests."""
    assert set(told("-q", ".")) == {UnknownOutcome, Throttled}


def test_the_server_s_own_words_are_kept() -> None:
    with smtp_sink("-f", "RCPT", "-B", "550 5.1.1 <reader1@example.org>: no such user") as port:
        (outcome,) = outcomes(plain(port), mail(1))
    assert outcome.error is not None
    assert outcome.error.code == "550 5.1.1 <reader1@example.org>: no such user"


@pytest.mark.parametrize(("delay", "connections"), [("0", 1), ("0", 3), ("1", 7)])
def test_it_aborts_within_the_message(delay: str, connections: int) -> None:
    """It says 550 behind 354 and reads no more: an answer to the message, or none."""
    assert set(told("-A", delay, connections=connections)) <= {Permanent, UnknownOutcome, Retryable}


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_slow_one_is_waited_for(step: str) -> None:
    # -p: where it is slow it answers pipelined commands in the wrong order.
    assert told("-p", "-W", f"{step}:1", connections=7) == [None] * 7


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("CONNECT", Throttled),
        ("EHLO", Throttled),
        ("MAIL", Throttled),
        ("RCPT", Retryable),
        ("DATA", Retryable),
        (".", UnknownOutcome),
    ],
)
def test_one_that_is_too_slow_is_not(step: str, kind: Kind) -> None:
    before = time.monotonic()
    assert set(told("-p", "-W", f"{step}:20", connections=7, timeout=0.5)) == {kind}
    assert time.monotonic() - before < 15


def test_one_that_reads_late_is_given_the_whole_message() -> None:
    big = [mail(n, ("x" * 70 + "\r\n") * 40_000) for n in range(3)]
    with smtp_sink("-H", "1", "-T", "4096") as port:
        assert errors(plain(port, connections=3, timeout=10), *big) == [None] * 3


def test_one_that_takes_one_connection_only_is_served_over_that() -> None:
    """The others stand in its queue without a greeting."""
    assert told("-m", "1", connections=5, timeout=1.0) == [None] * 7


def test_one_that_dies_after_some_messages_leaves_no_mail_without_an_outcome() -> None:
    mails = [mail(n) for n in range(60)]
    with smtp_sink("-M", "20") as port:
        found = errors(plain(port, connections=5), *mails)
    assert len(found) == 60
    # The one that counted to 20 ends before it answers, and four others may have had theirs.
    assert 15 <= found.count(None) <= 20
    assert found.count(UnknownOutcome) <= 5
    assert set(found) <= {None, UnknownOutcome, Throttled, Retryable}


def test_many_mails_over_many_connections() -> None:
    mails = [mail(n) for n in range(3000)]
    with smtp_sink() as port:
        assert errors(plain(port, connections=10), *mails) == [None] * 3000
