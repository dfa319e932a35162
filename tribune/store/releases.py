"""Snapshots of data releases as files, named by their content. Implements tribune.ports.releases.ReleaseShelf."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

YOUNG = timedelta(hours=24)
_NAME = re.compile(r"[0-9a-f]{64}")


class ReleaseFolder:
    """One file per snapshot in `folder`, written beside and renamed, so that none is ever half there."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._folder = folder
        self._read_only = read_only  # a dry run: snapshots get their names, but are not kept

    def put(self, content: bytes) -> str:
        """See the port."""
        name = hashlib.sha256(content).hexdigest()
        if self._read_only:
            return name
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / name
        if self.get(name) is not None:
            target.touch()  # young again: it is about to be named
            return name
        handle, beside = tempfile.mkstemp(prefix="new-", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(target)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return name

    def get(self, name: str) -> bytes | None:
        """See the port."""
        if not _NAME.fullmatch(name):
            return None
        try:
            content = (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        return content if hashlib.sha256(content).hexdigest() == name else None

    def keep_only(self, names: Collection[str], now: datetime) -> int:
        """See the port."""
        gone = 0
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            ours = _NAME.fullmatch(path.name) or path.name.startswith("new-")
            if ours and path.name not in names and now.timestamp() - path.stat().st_mtime > YOUNG.total_seconds():
                path.unlink(missing_ok=True)
                gone += 1
        return gone
