"""The crash suite's mail server writes each mail down once, before it answers, however the bytes come."""

from __future__ import annotations

import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.stack.workers import answers, free_port


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "mails.tsv"


def serving(record: Path, rate: float = 0) -> Iterator[int]:
    port = free_port()
    sink = subprocess.Popen([sys.executable, "-m", "tools.crash.sink", str(record), str(port), str(rate)], cwd=ROOT)
    try:
        until = time.monotonic() + 20
        while not answers(port):
            assert time.monotonic() < until
            time.sleep(0.02)
        yield port
        sink.send_signal(signal.SIGTERM)
        assert sink.wait(10) == 0
    finally:
        sink.kill()
        sink.wait()


@pytest.fixture
def port(record: Path) -> Iterator[int]:
    yield from serving(record)


@pytest.fixture
def slow_port(record: Path) -> Iterator[int]:
    yield from serving(record, rate=20)


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
