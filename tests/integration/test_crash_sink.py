"""The crash suite's mail server writes each mail down once, before it answers, however the bytes come, and
refuses mails only while it is told to."""

from __future__ import annotations

import random
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.crash.faults import How, Kind
from tools.crash.strike import TO_THE_RETRIES, Striker
from tools.stack.engines import Embedded
from tools.stack.workers import Worker, answers, free_port


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "mails.tsv"


@contextmanager
def running(record: Path, *more: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-m", "tools.crash.sink", *map(str, (record, port, *more))]
    sink = subprocess.Popen(command, cwd=ROOT)
    try:
        until = time.monotonic() + 20
        while not answers(port):
            assert time.monotonic() < until
            time.sleep(0.02)
        yield port, sink
        sink.send_signal(signal.SIGTERM)
        assert sink.wait(10) == 0
    finally:
        sink.kill()
        sink.wait()


@pytest.fixture
def port(record: Path) -> Iterator[int]:
    with running(record) as (port, _):
        yield port


@pytest.fixture
def slow_port(record: Path) -> Iterator[int]:
    with running(record, 20) as (port, _):
        yield port


def mail(number: int, text: str) -> str:
    return f"Message-ID: <m{number}@crash.example>\r\nSubject: x\r\n\r\n{text}\r\n"


def lines(record: Path) -> list[list[str]]:
    return [line.split("\t")[1:] for line in record.read_text().splitlines()]


def test_each_mail_is_written_down_with_its_id_reader_and_items(port: int, record: Path) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail("s@crash.example", "r000001@crash.example", mail(1, "zq00007qz and zq000=\r\n08qz, zq00007qz"))
        assert lines(record) == [["m1@crash.example", "r000001@crash.example", "00007,00008"]], "before the answer"
        client.sendmail("s@crash.example", "r000002@crash.example", mail(2, ".\r\n..\r\nno item"))
    assert lines(record)[1] == ["m2@crash.example", "r000002@crash.example", ""]


def test_commands_and_mails_glued_or_split_are_taken_in_order(port: int, record: Path) -> None:
    talk = "EHLO x\r\n" + "".join(
        f"MAIL FROM:<s@crash.example>\r\nRCPT TO:<r{n:06d}@crash.example>\r\nDATA\r\n{mail(n, f'zq{n:05d}qz')}.\r\n"
        for n in (1, 2, 3)
    )
    for step in (len(talk), 1, 7):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            for at in range(0, len(talk), step):
                connection.sendall(talk[at : at + step].encode())
            connection.sendall(b"QUIT\r\n")
            said = b""
            while piece := connection.recv(4096):
                said += piece
        assert said.count(b"354 ") == 3
        assert said.endswith(b"221 2.0.0 bye\r\n")
    assert [told[0] for told in lines(record)] == ["m1@crash.example", "m2@crash.example", "m3@crash.example"] * 3


def test_a_mail_that_was_not_ended_is_not_accepted(port: int, record: Path) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<r000001@crash.example>\r\nDATA\r\nSubject: half")
        connection.recv(4096)
    time.sleep(0.2)
    assert lines(record) == []


def test_it_answers_no_faster_than_it_was_told(slow_port: int, record: Path) -> None:
    with smtplib.SMTP("127.0.0.1", slow_port, timeout=10) as client:
        began = time.monotonic()
        for n in range(10):
            client.sendmail("s@crash.example", "r000001@crash.example", mail(n, "x"))
    assert time.monotonic() - began >= 0.45
    assert len(lines(record)) == 10


def test_it_refuses_one_mail_in_so_many_for_now_and_only_while_it_is_told_to(record: Path) -> None:
    def said(number: int) -> int:
        try:
            return (
                250 if not client.sendmail("s@crash.example", "r000001@crash.example", mail(number, "zq00001qz")) else 0
            )
        except smtplib.SMTPDataError as error:
            return error.smtp_code

    with running(record, 0, 3) as (port, sink), smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        assert [said(n) for n in range(4)] == [250] * 4
        sink.send_signal(signal.SIGUSR1)
        time.sleep(0.3)
        assert [said(n) for n in range(6)] == [250, 250, 451, 250, 250, 451]
        sink.send_signal(signal.SIGUSR2)
        time.sleep(0.3)
        assert [said(n) for n in range(4)] == [250] * 4
    marks = [told[2] for told in lines(record)]
    assert [place for place, mark in enumerate(marks) if mark == "451"] == [6, 9]
    assert marks.count("00001") == 12


def test_the_clock_goes_on_to_the_retries_of_refused_mails_and_is_never_set_back_behind_them(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offset() -> int:
        return int((record.parent / "offset").read_text())

    with running(record, 0, 1) as (port, sink):
        striker = Striker(Embedded(record.parent), {}, random.Random(1), record.parent, 2.0)
        striker.sink = sink.pid
        heard: list[int] = []

        def instead_of_sleep(_: float) -> None:
            wait(0.3)
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
                client.ehlo()
                client.mail("s@crash.example")
                client.rcpt("r000001@crash.example")
                heard.append(client.data(mail(1, "x"))[0])

        wait = time.sleep
        striker.strike(Kind(How.CLOCK, "", 1))
        ahead = offset()
        with monkeypatch.context() as patched:
            patched.setattr(time, "sleep", instead_of_sleep)
            assert striker.strike(Kind(How.REFUSE, "", 1))[1] == ["mail server"]
        assert heard == [451, 250], "it refused first, and took all before the clock moved"
        assert offset() == ahead + TO_THE_RETRIES
        striker.strike(Kind(How.CLOCK, "", 1))
        assert offset() == TO_THE_RETRIES


def test_ports_are_given_once_and_another_server_on_a_worker_s_port_is_no_health(port: int, record: Path) -> None:
    assert len({free_port() for _ in range(500)} - {port}) == 500
    assert Worker(record.parent, "web", 1, port=port).health() == {}
