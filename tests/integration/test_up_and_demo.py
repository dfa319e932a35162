"""`tribune up` and `tribune demo` as processes: an event in by command, a mail out, one click to stop, a clean end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.waiting import until

pytestmark = pytest.mark.waits

SETTINGS = """
[digests.letter]
names = { en = "The Letter", fr = "La Lettre" }
sender = "letter@observatory.example"
[planning]
at_once_wait_minutes = 0
[web]
port = 0
"""
BASIS = ("--basis", "transfer", "--source", "the former system")
PEOPLE = """address,name,group,languages,zone,fallback,digest,cadence
awa@dakar.example,Awa Diop,government,fr|en,Africa/Dakar,source,letter,at_once
"""
ITEM = """
record: wages
kind: report
source_language: fr
versions: {fr: {title: Les salaires en Afrique, abstract: Un résumé.}}
policy_areas: [wages]
"""


def tribune(*arguments: str, cwd: Path) -> str:
    """Run a command to its end; what it printed."""
    done = subprocess.run(command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-u", "-m", "tribune", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def running(*arguments: str, cwd: Path) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """The process, the address that it serves, and the lines before. Killed at the end if it still runs."""
    process = subprocess.Popen(
        command(*arguments), cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if found:
                yield process, found[0], lines
                return
        raise AssertionError("".join(lines))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(answer.read().decode())


def link_of(process: subprocess.Popen[str], lines: list[str]) -> str:
    """The sign-in link among what the demo printed."""
    found = re.search(r"http://127\.0\.0\.1:\d+/en/newsroom/sign-in/\S+", "".join(lines))
    assert found, lines
    return found[0]


def signed_in_by(link: str) -> str:
    """Where a sign-in link leads, once its button is pressed."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    assert "<button" in opener.open(link, timeout=10).read().decode()
    pressed = urllib.request.Request(link, data=b"", method="POST", headers={"Sec-Fetch-Site": "same-origin"})
    with opener.open(pressed, timeout=10) as answer:
        assert "Demo administrator" in answer.read().decode()
        return str(answer.url)


def as_nginx_would(address: str, path: str) -> str:
    """The status line for a request as nginx passes it on by itself: HTTP/1.0, without a word of who asks."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        return connection.recv(4096).decode().partition("\r\n")[0]


def test_an_event_becomes_a_mail_one_click_stops_it_and_sigterm_ends_it(tmp_path: Path) -> None:
    (tmp_path / "tribune.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "item.yaml").write_text(ITEM, encoding="utf-8")
    assert "1 added" in tribune("subscribers", "import", "people.csv", *BASIS, cwd=tmp_path)
    outbox = tmp_path / "var" / "outbox"
    with running("up", cwd=tmp_path) as (process, address, _):
        tribune("publish", "item.yaml", cwd=tmp_path)
        until(lambda: list(outbox.rglob("*.eml")))
        (mail,) = outbox.rglob("*.eml")
        message = message_from_bytes(mail.read_bytes(), policy=policy.default)
        assert b"Les salaires en Afrique" in mail.read_bytes()

        assert json.loads(get(f"{address}healthz"))["status"] == "ok"
        assert 'tribune_subscribers{status="active"} 1.0' in get(f"{address}metrics")

        assert "303" in as_nginx_would(address, "/en/newsroom/mails"), "the newsroom asks who it is"
        assert "403" in as_nginx_would(address, "/metrics"), "a proxy on this machine opens no figures"

        token = str(message["List-Unsubscribe"]).strip("<>").rsplit("/", 1)[1]
        click = urllib.request.Request(f"{address}u/{token}", data=b"List-Unsubscribe=One-Click", method="POST")
        with urllib.request.urlopen(click, timeout=10) as answer:
            assert answer.status == 200
        (tmp_path / "item.yaml").write_text(ITEM.replace("wages", "skills", 1), encoding="utf-8")
        tribune("publish", "item.yaml", cwd=tmp_path)
        time.sleep(3)
        assert len(list(outbox.rglob("*.eml"))) == 1

        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_the_demo_takes_the_next_free_port_and_says_so_and_starts_clean_again(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for _ in range(2):
            with running("demo", "--port", str(port), cwd=tmp_path) as (process, address, lines):
                told = "".join(lines)
                assert f"Port {port} is taken; using" in told
                assert not address.endswith(f":{port}/")
                assert re.search(r"19 events in, \d\d mails out", told)
                assert "<h1>" in get(f"{address}en/")
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == 0


def test_the_demo_does_not_empty_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    done = subprocess.run(
        command("demo", "--once", "--folder", str(tmp_path)),
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "give another --folder" in done.stderr
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "precious"
