"""Get files onto the disk: written, durable, and only then under their names."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

FEW = 4
"""From here on one call for the whole file system beats one a file: 1,900 mails a second against 400 (ext4)."""


def put(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write the files, all in one folder. Each appears whole, in the order given; at the end all are on the disk:
    neither a killed process nor a power cut takes them back. Raises OSError."""
    if not files:
        return
    asides = [(path.with_name(f".{path.name}.{os.getpid()}"), path) for path, _ in files]
    for (aside, _), (_, content) in zip(asides, files, strict=True):
        aside.write_bytes(content)
    folder = files[0][0].parent
    if len(files) > FEW and _syncfs() is not None:
        _sync_all(folder)
    else:
        for aside, _ in asides:
            _sync(aside)
    for aside, path in asides:
        aside.replace(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_all(folder: Path) -> None:
    """syncfs(2): like fsync for every file of this file system; says so when a write failed (Linux 5.8)."""
    call = _syncfs()
    handle = os.open(folder, os.O_RDONLY)
    try:
        if call is not None and call(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)


@cache
def _syncfs() -> Any:
    """The C library's function, where there is one (Linux)."""
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
