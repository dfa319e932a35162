"""Many SMTP connections at once: how the pool grows and shrinks, and servers that limit, tire, or vanish."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.contracts.email_contract import mail
from tests.mail_servers import Lines, nasty_server, polite
from tests.smtp_clients import errors, outcomes, plain
from tests.waiting import until
from tribune.channels.email.smtp import pool
from tribune.domain.errors import Permanent, Throttled
from tribune.ports.channels import OutgoingMail

PIPELINING = (b"PIPELINING",)


class House:
    """A server that counts: who is there, what came, in how many connections."""

    def __init__(self, pause: float = 0.0, **answers: object) -> None:
        self.pause, self.answers = pause, answers
        self.lock = threading.Lock()
        self.there = self.most = self.quits = 0
        self.got: Counter[bytes] = Counter()

    def __call__(self, connection: socket.socket, lines: Lines) -> None:
        read, recipient = lines.line, b""

        def line() -> bytes:
            nonlocal recipient
            told = read()
            if told.upper().startswith(b"RCPT"):
                recipient = told.partition(b"<")[2].partition(b">")[0]
            self.quits += told.upper().startswith(b"QUIT")
            return told

        def message() -> bytes:
            time.sleep(self.pause)
            body = type(lines).message(lines)
            with self.lock:
                self.got[recipient] += 1
            return body

        lines.line, lines.message = line, message  # type: ignore[method-assign]
        with self.lock:
            self.there += 1
            self.most = max(self.most, self.there)
        try:
            polite(connection, lines, **{"extensions": PIPELINING, **self.answers})  # type: ignore[arg-type]
        finally:
            with self.lock:
                self.there -= 1


def each_once(house: House, number: int) -> bool:
    return house.got == {b"reader%d@example.org" % n: 1 for n in range(number)}


def test_it_grows_where_there_is_more_to_do_and_no_further_than_told() -> None:
    house = House(pause=0.02)
    with nasty_server(house, together=True) as (port, connections):
        assert errors(plain(port, connections=4), *(mail(n) for n in range(60))) == [None] * 60
        assert len(connections) == house.most == 4
    assert each_once(house, 60)


def test_one_mail_needs_one_connection() -> None:
    house = House(pause=0.02)
    with nasty_server(house, together=True) as (port, connections):
        channel = plain(port, connections=10)
        for n in range(5):
            assert [told.error for told in channel.send([mail(n)]) if told] == [None]
        channel.close()
    assert len(connections) == 1
    assert each_once(house, 5)


def test_it_shrinks_when_there_is_less_to_do_while_it_goes_on_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trickle behind a burst: who is idle for long is let go, with a goodbye."""
    monkeypatch.setattr(pool, "IDLE", 0.3)
    house = House(pause=0.01)

    def source() -> Iterator[OutgoingMail | None]:
        yield from (mail(n) for n in range(40))
        for n in range(40, 400):
            if house.quits >= 4:
                return
            time.sleep(0.05)
            yield mail(n)
            yield None

    with nasty_server(house, together=True) as (port, connections):
        channel = plain(port, connections=6)
        told = [one.error for one in channel.send(source()) if one]
        assert told == [None] * len(told)
        assert len(connections) >= 6 and house.most >= 6
        assert house.quits >= 4
        until(lambda: house.there < 6)
        channel.close()
    assert each_once(house, len(told))


def test_a_channel_that_is_collected_beside_a_loop_that_runs_says_goodbye() -> None:
    house = House()
    with nasty_server(house, together=True) as (port, _):
        channel = [plain(port, connections=2)]
        assert [one.error for one in channel[0].send(mail(n) for n in range(4)) if one] == [None] * 4

        async def collected() -> None:
            channel.clear()
            gc.collect()

        asyncio.run(collected())
        until(lambda: house.there == 0)
        assert house.quits >= 1


def test_a_server_that_takes_few_of_us_is_served_over_those_and_left_alone() -> None:
    house = House(pause=0.01)

    def two(connection: socket.socket, lines: Lines) -> None:
        with house.lock:
            full = house.there >= 2
        if full:
            connection.sendall(b"421 4.7.0 too many connections\r\n")
        else:
            house(connection, lines)

    with nasty_server(two, together=True) as (port, connections):
        assert errors(plain(port, connections=10), *(mail(n) for n in range(80))) == [None] * 80
        assert len(connections) <= 6, "it does not go on knocking"
    assert house.most == 2
    assert each_once(house, 80)


@pytest.mark.parametrize("goodbye", [b"", b"421 4.4.2 enough for today\r\n"])
@pytest.mark.parametrize("extensions", [PIPELINING, ()])
def test_a_server_that_closes_after_some_mails_gets_all_of_them_once(
    goodbye: bytes, extensions: tuple[bytes, ...]
) -> None:
    house = House(mails=3, goodbye=goodbye, extensions=extensions)
    with nasty_server(house, together=True) as (port, connections):
        assert errors(plain(port, connections=3), *(mail(n) for n in range(40))) == [None] * 40
        assert len(connections) >= 14
    assert each_once(house, 40)


@pytest.mark.parametrize("step", [b"MAIL", b"RCPT", b"DATA"])
@pytest.mark.parametrize("extensions", [PIPELINING, ()])
def test_a_server_that_says_421_in_the_middle_gets_the_mail_over_another_connection(
    step: bytes, extensions: tuple[bytes, ...]
) -> None:
    """It has a connection's fourth mail stand before the door: nothing of it has left, so it goes another way."""
    house = House(extensions=extensions)

    def tired(connection: socket.socket, lines: Lines) -> None:
        read, begun = lines.line, 0

        def line() -> bytes:
            nonlocal begun
            told = read()
            begun += told.startswith(b"MAIL")
            if begun == 4 and told.startswith(step):
                connection.sendall(b"421 4.3.2 the house is closing\r\n")
                return b""
            return told

        lines.line = line  # type: ignore[method-assign]
        house(connection, lines)

    with nasty_server(tired, together=True) as (port, connections):
        assert errors(plain(port, connections=2), *(mail(n) for n in range(20))) == [None] * 20
        assert len(connections) >= 6
    assert each_once(house, 20)


def test_a_server_that_vanishes_leaves_the_rest_to_wait() -> None:
    """It ends between mails, and nobody listens any more: what it did not have is not lost and not blamed."""
    taken = 0
    gone = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def serve() -> None:
        nonlocal taken
        connection, _ = listening.accept()
        listening.close()
        lines = Lines(connection)
        polite(connection, lines, mails=5)
        taken += 5
        lines.close()
        connection.close()
        gone.set()

    thread = threading.Thread(target=serve)
    thread.start()
    told = outcomes(plain(port), *(mail(n) for n in range(9)))
    thread.join(5)
    assert gone.is_set()
    assert [told_.error for told_ in told[:5]] == [None] * 5
    assert {type(told_.error) for told_ in told[5:]} == {Throttled}


def test_without_pipelining_a_server_gets_one_command_at_a_time_on_every_connection() -> None:
    crowded: list[bytes] = []
    count = threading.Lock()
    served = Counter[bytes]()

    def strict(connection: socket.socket, lines: Lines) -> None:
        """Reads from the socket itself: a second command in one go would be seen."""
        connection.sendall(b"220 hello\r\n")
        body, recipient = False, b""
        while got := connection.recv(65_536):
            while not got.endswith(b"\r\n"):
                got += connection.recv(65_536)
            if body:
                while not got.endswith(b"\r\n.\r\n"):
                    got += connection.recv(65_536)
                body = False
                with count:
                    served[recipient] += 1
                time.sleep(0.01)
                connection.sendall(b"250 taken\r\n")
                continue
            if got.count(b"\r\n") != 1:
                crowded.append(got)
            word = got[:4].upper()
            recipient = got.partition(b"<")[2].partition(b">")[0] if word == b"RCPT" else recipient
            body = word == b"DATA"
            connection.sendall({b"DATA": b"354 go\r\n", b"EHLO": b"250 strict.example\r\n"}.get(word, b"250 ok\r\n"))
            if word == b"QUIT":
                return

    with nasty_server(strict, together=True) as (port, connections):
        assert errors(plain(port, connections=4), *(mail(n) for n in range(40))) == [None] * 40
        assert len(connections) == 4
    assert crowded == []
    assert served == {b"reader%d@example.org" % n: 1 for n in range(40)}


@pytest.mark.parametrize("after", [b"554 5.5.1 no valid recipients", b"250 2.0.0 taken", b"503 5.5.1 what for"])
def test_a_refused_recipient_and_then_354_ends_with_a_dot_for_nobody(after: bytes) -> None:
    """RFC 2920, 3.1: the server waits for a message although nobody is to have it. It gets an empty one."""
    taken: list[tuple[list[bytes], bytes]] = []

    def lax(connection: socket.socket, lines: Lines) -> None:
        connection.sendall(b"220 hello\r\n")
        recipients: list[bytes] = []
        while line := lines.line():
            word = line[:4].upper()
            if word == b"EHLO":
                connection.sendall(b"250-lax.example\r\n250 PIPELINING\r\n")
            elif word == b"MAIL":
                recipients = []
                connection.sendall(b"250 ok\r\n")
            elif word == b"RCPT" and b"reader2@" in line:
                connection.sendall(b"550 5.1.1 unknown\r\n")
            elif word == b"RCPT":
                recipients.append(line.strip())
                connection.sendall(b"250 ok\r\n")
            elif word == b"DATA":
                connection.sendall(b"354 go\r\n")
                taken.append((recipients, lines.message()))
                connection.sendall((b"250 taken" if recipients else after) + b"\r\n")
            else:
                connection.sendall(b"250 ok\r\n")

    with nasty_server(lax) as (port, connections):
        assert errors(plain(port), mail(1), mail(2), mail(3)) == [None, Permanent, None]
        assert len(connections) == 1
    assert [recipients for recipients, _ in taken] == [
        [b"RCPT TO:<reader1@example.org>"],
        [],
        [b"RCPT TO:<reader3@example.org>"],
    ]
    assert taken[1][1] == b".\r\n"
    assert all(len(message) > 100 for recipients, message in taken if recipients)


@pytest.mark.parametrize("extensions", [PIPELINING, ()])
def test_nothing_spins_while_a_new_connection_is_slow_in_coming(extensions: tuple[bytes, ...]) -> None:
    """All connections have died, the next one takes a second to greet: the processor has nothing to do meanwhile."""
    house = House(mails=2, extensions=extensions)

    def slow(connection: socket.socket, lines: Lines) -> None:
        time.sleep(1.0)
        house(connection, lines)

    with nasty_server(house, slow, together=True) as (port, _):
        channel = plain(port, connections=3, timeout=8)
        before, began = time.thread_time(), time.monotonic()
        assert [told.error for told in channel.send([mail(n) for n in range(6)]) if told] == [None] * 6
        assert time.monotonic() - began > 0.9
        assert time.thread_time() - before < 0.25
        channel.close()
    assert each_once(house, 6)
