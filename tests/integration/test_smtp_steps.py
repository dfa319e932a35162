"""Each step of a dialogue has its time, and what is unknown is only what may have been taken: the whole message."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import trustme

from tests.contracts.email_contract import mail
from tests.mail_servers import Lines, Script, nasty_server
from tests.smtp_clients import errors, outcomes, plain
from tribune.channels.email.smtp import SmtpChannel, pool
from tribune.channels.email.smtp.connection import Connection
from tribune.domain.errors import DeliveryError, Retryable, Throttled, UnknownOutcome

ANSWERS = {
    "greeting": b"220 hello\r\n",
    "EHLO": b"250-nasty.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n",
    "AUTH": b"235 welcome\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go\r\n",
    ".": b"250 taken\r\n",
}


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both loops: what is known of a buffer is the loop's matter."""
    if request.param == "asyncio":
        monkeypatch.setattr(pool, "_new_loop", asyncio.new_event_loop)
    return str(request.param)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel takes a few kilobytes only, as it does over a slow network."""
    opened = Connection.opened

    def with_little_room(self: Connection, transport: asyncio.Transport, *more: object) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        opened(self, transport, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "opened", with_little_room)


def silent_at(step: str, connection: socket.socket, lines: Lines, *, pipelining: bool = True) -> None:
    """Answers up to this step, then says nothing until the client hangs up."""
    for at, answer in ANSWERS.items():
        if at == "." and step != "body":
            lines.message()
        elif (at != "greeting" and step != "body") or (at not in ("greeting", ".") and step == "body"):
            lines.line()
        if at == step or (at == "." and step == "body"):
            break
        connection.sendall(answer if pipelining else answer.replace(b"250-PIPELINING\r\n", b""))
    if step == "body":
        time.sleep(1.5)
    else:
        while lines.line():
            pass


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("greeting", Throttled),
        ("EHLO", Throttled),
        ("AUTH", Throttled),
        ("MAIL", Throttled),
        ("RCPT", Retryable),
        ("DATA", Retryable),
        (".", UnknownOutcome),
    ],
)
@pytest.mark.parametrize("pipelining", [True, False])
def test_a_step_without_an_answer_ends_in_time(step: str, kind: type[DeliveryError], pipelining: bool) -> None:
    """Only after the final dot is the outcome unknown."""
    with nasty_server(partial(silent_at, step, pipelining=pipelining)) as (port, _):
        before = time.monotonic()
        assert errors(plain(port, timeout=0.4, username="tribune", password="x")) == [kind]
        assert 0.3 < time.monotonic() - before < 10


def test_a_connection_that_cannot_be_made_ends_in_time() -> None:
    """A server whose queue is full does not even refuse."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        before = time.monotonic()
        (outcome,) = outcomes(plain(full.getsockname()[1], timeout=0.5))
        assert time.monotonic() - before < 10
    assert isinstance(outcome.error, Throttled)
    assert "in time" in outcome.error.what or "reached" in outcome.error.what


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("size", [60_000, 12_000_000])
def test_a_body_that_the_server_does_not_read_ends_in_time_and_was_not_sent(narrow: None, size: int) -> None:
    big = mail(1, ("x" * 70 + "\r\n") * (size // 72))

    with nasty_server(partial(silent_at, "body"), window=2048) as (port, _):
        (outcome,) = outcomes(plain(port, timeout=0.3, username="tribune", password="x"), big)
    assert isinstance(outcome.error, Retryable)
    assert outcome.error.code == "connection lost within the message"


# -- what may have left ---------------------------------------------------------------------------------------


def cut_off(
    connection: socket.socket,
    lines: Lines,
    *,
    read: int,
    tls: ssl.SSLContext | None = None,
    ehlo: bytes = b"250 nasty.example\r\n",
) -> None:
    """Takes the envelope, reads so many bytes of the body, and resets the connection."""
    secured = tls.wrap_socket(connection, server_side=True) if tls else connection
    secured.sendall(ANSWERS["greeting"])
    for step in ("EHLO", "MAIL", "RCPT", "DATA"):
        asked = b""
        while not asked.endswith(b"\r\n"):
            asked += secured.recv(1)
        secured.sendall(ehlo if step == "EHLO" else ANSWERS[step])
    while read > 0 and (got := secured.recv(min(read, 1000))):
        read -= len(got)
    time.sleep(0.1)
    secured.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    secured.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=["none", "tls"])
def channel_and_script(
    request: pytest.FixtureRequest, authority: trustme.CA, tmp_path: Path
) -> Iterator[tuple[dict[str, object], ssl.SSLContext | None]]:
    if request.param == "none":
        yield {"security": "none"}, None
        return
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    yield {"security": "tls", "ca_file": tmp_path / "ca.pem"}, tls


@pytest.mark.usefixtures("loop", "narrow")
@pytest.mark.parametrize("size", [34_000, 60_000, 3_000_000])
def test_a_body_that_was_cut_off_was_not_sent_for_certain(
    channel_and_script: tuple[dict[str, object], ssl.SSLContext | None], size: int
) -> None:
    """The final dot was never given to the kernel: nobody can have had this mail, whatever the loop forgot."""
    options, tls = channel_and_script
    big = mail(1, ("x" * 70 + "\r\n") * (size // 72))
    script: Script = partial(cut_off, read=2_000, tls=tls)
    with nasty_server(script, window=2048) as (port, _):
        channel = SmtpChannel(host="127.0.0.1", port=port, timeout=3, connections=1, **options)  # type: ignore[arg-type]
        (outcome,) = outcomes(channel, big)
    assert isinstance(outcome.error, Retryable)
    assert outcome.error.code == "connection lost within the message"


@pytest.mark.usefixtures("loop", "narrow")
def test_the_same_with_the_envelope_of_another_mail_behind_it(
    channel_and_script: tuple[dict[str, object], ssl.SSLContext | None],
) -> None:
    options, tls = channel_and_script
    big = mail(1, ("x" * 70 + "\r\n") * 500)
    script: Script = partial(cut_off, read=2_000, tls=tls, ehlo=ANSWERS["EHLO"])
    with nasty_server(script, window=2048) as (port, _):
        channel = SmtpChannel(host="127.0.0.1", port=port, timeout=3, connections=1, **options)  # type: ignore[arg-type]
        assert errors(channel, big, mail(2)) == [Retryable, Throttled]


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("size", [600, 34_000])
def test_a_body_that_the_kernel_has_with_its_dot_may_have_been_taken(
    channel_and_script: tuple[dict[str, object], ssl.SSLContext | None], size: int
) -> None:
    options, tls = channel_and_script
    body = mail(1, ("x" * 70 + "\r\n") * (size // 72))
    with nasty_server(partial(cut_off, read=100, tls=tls)) as (port, _):
        channel = SmtpChannel(host="127.0.0.1", port=port, timeout=3, connections=1, **options)  # type: ignore[arg-type]
        assert errors(channel, body) == [UnknownOutcome]


@pytest.mark.usefixtures("loop")
def test_half_an_answer_after_the_final_dot_is_an_unknown_outcome_over_tls_too(
    authority: trustme.CA, tmp_path: Path
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def half(connection: socket.socket, lines: Lines) -> None:
        with tls.wrap_socket(connection, server_side=True) as secured:
            over = Lines(secured)
            secured.sendall(ANSWERS["greeting"])
            for step in ("EHLO", "MAIL", "RCPT", "DATA"):
                over.line()
                secured.sendall(ANSWERS[step].replace(b"250-PIPELINING\r\n", b""))
            over.message()
            for piece in (b"2", b"5", b"0"):
                secured.sendall(piece)
                time.sleep(0.05)
            over.close()

    with nasty_server(half) as (port, _):
        channel = SmtpChannel(
            host="127.0.0.1", port=port, security="tls", ca_file=tmp_path / "ca.pem", timeout=3, connections=1
        )
        assert errors(channel) == [UnknownOutcome]


@pytest.mark.usefixtures("loop", "narrow")
def test_large_and_small_bodies_arrive_whole_through_a_narrow_pipe(
    channel_and_script: tuple[dict[str, object], ssl.SSLContext | None],
) -> None:
    """Two writes for one mail and one for another, pipelined, to a server that reads slowly."""
    options, tls = channel_and_script
    sent = [mail(n, f"{n:>70}\r\n" * (700 if n % 2 else 3) + ".a\r\n") for n in range(12)]
    got: list[bytes] = []
    done = threading.Event()

    def slow(connection: socket.socket, lines: Lines) -> None:
        secured = tls.wrap_socket(connection, server_side=True) if tls else connection
        over = Lines(secured)
        secured.sendall(ANSWERS["greeting"])
        over.line()
        secured.sendall(ANSWERS["EHLO"])
        while line := over.line():
            word = line.split(b" ")[0].strip().decode()
            if word == "QUIT":
                done.set()
                break
            secured.sendall(ANSWERS[word])
            if word == "DATA":
                time.sleep(0.01)
                got.append(over.message())
                secured.sendall(ANSWERS["."])
        over.close()
        secured.close()

    with nasty_server(slow, window=2048) as (port, connections):
        channel = SmtpChannel(host="127.0.0.1", port=port, timeout=5, connections=1, **options)  # type: ignore[arg-type]
        assert errors(channel, *sent) == [None] * 12
        assert len(connections) == 1
        assert done.wait(5)
    assert got == [one.content.replace(b"\r\n.", b"\r\n..") + b".\r\n" for one in sent]
