"""Postfix's smtp-sink as a fixture: a real, fast server in C that can refuse, be slow, or hang up."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SINK = shutil.which("smtp-sink", path=f"/usr/sbin:/usr/local/sbin:{os.environ.get('PATH', '')}")
SOURCE = shutil.which("smtp-source", path=f"/usr/sbin:/usr/local/sbin:{os.environ.get('PATH', '')}")
needs_sink = pytest.mark.skipif(SINK is None, reason="smtp-sink is missing (Debian: apt install postfix)")


@contextmanager
def smtp_sink(*options: str, port: int = 0) -> Iterator[int]:
    """A running smtp-sink; the port it listens on. `-u nobody` is given where we are root."""
    assert SINK is not None
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [SINK, *user, *options, f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_it_answers(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"smtp-sink did not start (exit code {process.poll()})")


def dumped(folder: Path) -> list[tuple[str, str, bytes]]:
    """Sender, recipient and message of each mail that `-d folder/mail.` wrote, as smtp-sink keeps them (LF)."""
    found = []
    for file in sorted(folder.iterdir()):
        head, _, rest = file.read_bytes().partition(b"\nX-Rcpt-Args: ")
        sender = head.rpartition(b"X-Mail-Args: ")[2].split()[0]
        recipient, _, message = rest.partition(b"\n")
        _, _, message = message.partition(b"\n\tfor ") if b"\n\tfor " in message else (b"", b"", message)
        found.append((sender.decode(), recipient.split()[0].decode(), message))
    return found
