"""Postfix's smtp-sink as a fixture: a real, fast server in C that can refuse, be slow, or hang up."""

from __future__ import annotations

import os
import re
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


_DUMPED = re.compile(
    rb"X-Client-Addr: .*?\nX-Mail-Args: <([^>]*)>[^\n]*\nX-Rcpt-Args: <([^>]*)>[^\n]*\n"
    rb"Received: [^\n]*\n\tby smtp-sink [^\n]*\n\t[^\n]*\n(.*\n)\n",
    re.DOTALL,
)


def dumped(folder: Path) -> list[tuple[str, str, bytes]]:
    """Sender, recipient and message of each mail that `-d folder/mail.` wrote; those that are not complete are none."""
    found = (_DUMPED.fullmatch(file.read_bytes()) for file in sorted(folder.iterdir()))
    return [(told[1].decode(), told[2].decode(), told[3].replace(b"\n", b"\r\n")) for told in found if told is not None]
