"""A disk of our own, that can be filled up and freed: a small tmpfs. Needs root; where mounting is refused, there is
no such fault in the run, and the report says so."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

SIZE = 800_000_000
BALLAST = "ballast"
_STEP = 1 << 20


def mount(folder: Path) -> str:
    """Mount a tmpfs there; why not, or an empty text."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return "only root can mount a small disk"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip()


def unmount(folder: Path) -> None:
    """Take it away."""
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


def fill(folder: Path) -> None:
    """Leave no byte."""
    block = b"\0" * _STEP
    handle = os.open(folder / BALLAST, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for size in (_STEP, 4096, 1):
            while True:
                try:
                    if os.write(handle, block[:size]) < size:
                        break
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    break
    finally:
        os.close(handle)


def free(folder: Path) -> None:
    """Give the room back."""
    (folder / BALLAST).unlink(missing_ok=True)
