"""Stopping a process as the kernel does it: SIGSTOP, at a moment that a test can go on from."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.waiting import until
from tools.crash.locks import writes


def stop_between_writes(pid: int) -> None:
    """Stop a process while it does not hold SQLite's write lock.

    Stopped in the middle of a write, it would keep everybody's writes waiting until it goes on: one file has one
    writer. The crash suite counts that case apart (docs/reliability.md, "in a write").
    """
    os.kill(pid, signal.SIGSTOP)
    until(lambda: _stands(pid))
    while writes(pid):
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
        os.kill(pid, signal.SIGSTOP)
        until(lambda: _stands(pid))


def _stands(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"
