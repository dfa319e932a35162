"""The SMTP client's pure parts: replies out of any stream of bytes, what EHLO offers, envelopes, dots."""

from __future__ import annotations

import re
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.email_contract import mail
from tribune.channels.email.envelope import has_bare_line_end, has_leading_dot
from tribune.channels.email.replies import judged
from tribune.channels.email.smtp.commands import Abilities, ended, envelope
from tribune.channels.email.smtp.opening import addresses_of
from tribune.channels.email.smtp.parser import LONGEST_LINE, MOST_LINES, Reply, ReplyParser
from tribune.domain.errors import Permanent, Retryable, Throttled

LINES = st.one_of(
    st.sampled_from(
        [
            b"250 2.0.0 Ok\r\n",
            b"250-SIZE\r\n",
            b"250\r\n",
            b"354 go\n",
            b"421 4.3.2 bye\r\n",
            b"25",
            b"0 x",
            b"\r",
            b"\n",
        ]
    ),
    st.builds(
        lambda code, mark, words: b"%03d%s%s\r\n" % (code, mark, words),
        st.integers(0, 999),
        st.sampled_from([b" ", b"-", b"", b"x"]),
        st.binary(max_size=30),
    ),
    st.binary(max_size=40),
)
WORDS = st.binary(max_size=60).filter(lambda told: not re.search(rb"[\r\n]", told))
STREAMS = st.lists(LINES, max_size=30).map(b"".join)


def read(pieces: list[bytes]) -> tuple[list[Reply], str, bool]:
    parser = ReplyParser()
    replies = [reply for piece in pieces for reply in parser.feed(piece)]
    return replies, parser.broken, parser.empty


@settings(max_examples=150, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 900), max_size=20))
def test_however_a_stream_is_cut_it_holds_the_same_replies(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert read(pieces) == read([stream])
    assert read([stream[i : i + 1] for i in range(len(stream))]) == read([stream])


@given(st.binary(max_size=3000))
def test_nothing_that_a_server_sends_raises(stream: bytes) -> None:
    replies, _, _ = read([stream])
    assert all(0 <= reply.code <= 999 for reply in replies)


@given(st.lists(st.tuples(st.integers(200, 599), st.lists(WORDS, min_size=1, max_size=6)), max_size=10))
def test_what_a_server_says_is_what_is_read(said: list[tuple[int, list[bytes]]]) -> None:
    stream = b"".join(
        b"".join(b"%d-%s\r\n" % (code, line) for line in lines[:-1]) + b"%d %s\r\n" % (code, lines[-1])
        for code, lines in said
    )
    replies, broken, empty = read([stream])
    assert replies == [Reply(code, b"\n".join(lines)) for code, lines in said]
    assert not broken
    assert empty


@pytest.mark.parametrize(
    "stream",
    [
        b"2" * (LONGEST_LINE + 1),
        b"250 " + b"x" * LONGEST_LINE + b"\r\n",
        b"250-x\r\n" * MOST_LINES,
        b"hello\r\n",
        b"\r\n",
        b"25\r\n",
    ],
)
def test_what_is_no_reply_breaks_the_stream_for_good(stream: bytes) -> None:
    parser = ReplyParser()
    assert parser.feed(b"250 fine\r\n") == [Reply(250, b"fine")]
    assert parser.feed(stream) == []
    assert parser.broken
    assert parser.feed(b"250 fine\r\n") == []


def test_memory_is_bounded_whatever_comes() -> None:
    for piece in (b"x" * 1000, b"250-" + b"x" * 996 + b"\r\n", b"2"):
        parser = ReplyParser()
        tracemalloc.start()
        for _ in range(20_000):
            parser.feed(piece)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2 * LONGEST_LINE * MOST_LINES


def test_what_a_server_offers() -> None:
    words = b"a.example\npipelining\nSIZE 1000\n8BITMIME\nAUTH PLAIN login\nAUTH=XOAUTH2\nSTARTTLS\nSMTPUTF8\n\nX \xff"
    offered = Abilities.of(Reply(250, words))
    assert offered.pipelining and offered.eight_bit and offered.utf8 and offered.starttls and offered.sizes
    assert offered.size == 1000
    assert offered.mechanisms == {"PLAIN", "LOGIN", "XOAUTH2"}
    assert Abilities.of(Reply(250, b"PIPELINING")) == Abilities(), "the first line is a name"
    assert Abilities.of(Reply(250, b"x\nSIZE")) == Abilities(sizes=True)
    assert Abilities.of(Reply(250, b"x\nSIZE " + b"9" * 30)).size == 0


def test_an_envelope_says_what_the_server_can_use() -> None:
    sent = mail(1)
    assert envelope(sent, Abilities()) == (
        b"MAIL FROM:<b+k1.1~0~1.abc@bounces.example.org>\r\nRCPT TO:<reader1@example.org>\r\nDATA\r\n"
    )
    able = Abilities(sizes=True, eight_bit=True, utf8=True)
    told = envelope(mail(1, "é\r\n", recipient="élodie@bücher.example"), able)
    assert isinstance(told, bytes)
    first, second, _, _ = told.split(b"\r\n")
    assert first.endswith(f"> SIZE={len(mail(1, 'é').content) + 2} BODY=8BITMIME SMTPUTF8".encode())
    assert second == "RCPT TO:<élodie@xn--bcher-kva.example>".encode()


@pytest.mark.parametrize(
    ("recipient", "asked"),
    [
        ("user@straße.de", "user@xn--strae-oqa.de"),  # strasse.de is somebody else's
        ("user@Bücher.Example", "user@xn--bcher-kva.example"),
        ("élodie@straße.de", "élodie@xn--strae-oqa.de"),
        ("User@Example.ORG", "User@Example.ORG"),
    ],
)
def test_a_mail_goes_to_the_domain_that_was_written(recipient: str, asked: str) -> None:
    told = envelope(mail(1, recipient=recipient), Abilities(utf8=True))
    assert isinstance(told, bytes)
    assert told.split(b"\r\n")[1] == f"RCPT TO:<{asked}>".encode()


def test_the_mail_server_that_was_written_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def resolve(host: object, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", ("192.0.2.1", 25))]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    assert addresses_of("mail.straße.de", 25) == ["192.0.2.1"]
    assert asked == ["mail.xn--strae-oqa.de"]


@pytest.mark.parametrize(
    ("sent", "server", "code"),
    [
        (mail(1, "x" * 900 + "\r\n"), Abilities(sizes=True, size=900), "552 5.3.4"),
        (mail(1, "é\r\n"), Abilities(), "554 5.6.3"),
        (mail(1, recipient="é@example.org"), Abilities(eight_bit=True), "553 5.6.7"),
        (mail(1, recipient="a@" + "é" * 70 + ".example"), Abilities(), "553 5.1.2"),
        (mail(1, recipient="a@é..example"), Abilities(), "553 5.1.2"),
        (mail(1, recipient="é@"), Abilities(utf8=True), "553 5.1.2"),
        (mail(1, recipient="a@é>\u037e.example"), Abilities(), "553 5.1.2"),
        (mail(1, recipient="a@\ud800.example"), Abilities(), "553 5.1.2"),
        (mail(1, recipient="\ud800@example.org"), Abilities(utf8=True), "553 5.1.3"),
    ],
)
def test_what_a_server_cannot_carry_is_said_before_it_is_asked(sent: object, server: Abilities, code: str) -> None:
    refused = envelope(sent, server)  # type: ignore[arg-type]
    assert isinstance(refused, Permanent)
    assert refused.code.startswith(code)


CONTENTS = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"x", b"x" * 500]), max_size=40).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(CONTENTS, st.booleans(), st.booleans())
def test_the_cheap_looks_see_what_a_slow_one_sees(middle: bytes, before: bool, after: bool) -> None:
    content = b"y" * 7000 * before + middle + b"y" * 7000 * after
    assert has_bare_line_end(content) == bool(re.search(rb"(?<!\r)\n|\r(?!\n)", content))
    if not has_bare_line_end(content):
        assert has_leading_dot(content) == any(line.startswith(b".") for line in content.split(b"\r\n"))
        stuffed = b"".join(ended(mail(1)._replace(content=content)))
        assert stuffed.endswith(b"\r\n.\r\n") or stuffed == b".\r\n" or not content
        lines = stuffed.removesuffix(b".\r\n").split(b"\r\n")
        assert all(line.startswith(b"..") for line in lines if line.startswith(b"."))
        back = b"\r\n".join(line.removeprefix(b".") if line.startswith(b".") else line for line in lines)
        assert back.removesuffix(b"\r\n") == content.removesuffix(b"\r\n")


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        (b"450 4.2.0 Greylisted, try again in five minutes", Retryable),
        (b"452 4.2.2 The mailbox is full", Retryable),
        (b"451 4.7.500 Server busy. Please try again later", Throttled),
        (b"421 4.7.28 Our system has detected an unusual rate", Throttled),
        (b"452 4.5.3 Too many recipients today", Throttled),
        (b"550 5.1.1 No such user", Permanent),
    ],
)
def test_an_answer_is_about_a_recipient_or_about_us(answer: bytes, means: type[Exception]) -> None:
    assert type(judged(int(answer[:3]), answer[4:])) is means


@pytest.mark.parametrize(
    ("code", "words", "kind", "for_all"),
    [
        (452, b"4.2.2 mailbox full: too many messages", Retryable, False),
        (450, b"4.2.1 The user is receiving mail too quickly, slow down", Retryable, False),
        (450, b"4.1.8 too many unknown senders", Retryable, False),
        (451, b"4.7.1 too many messages, slow down", Throttled, False),
        (450, b"too many messages", Throttled, False),
        (452, b"4.3.1 disk full", Throttled, False),
        (421, b"4.2.1 too many", Throttled, True),
    ],
)
def test_what_speaks_of_a_mailbox_is_not_about_us(code: int, words: bytes, kind: type, for_all: bool) -> None:
    error = judged(code, words)
    assert type(error) is kind
    if isinstance(error, Throttled):
        assert (error.of_mail, error.for_all) == (True, for_all)
