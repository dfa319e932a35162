"""The files of imports: what was brought, and the report. They hold personal data, so only their owner can read them,
and they go when they are no longer needed."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tribune.domain.errors import NotFound

_ID = re.compile(r"[0-9a-f]{32}")


class ImportFiles:
    """A folder. An id is 32 hexadecimal digits, so that none names a file elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self) -> tuple[str, BinaryIO]:
        """A new id, and its file, open for writing."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        id = secrets.token_hex(16)
        number = os.open(self.file(id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return id, os.fdopen(number, "wb")

    def file(self, id: str) -> Path:
        """What was brought. Raises NotFound for what is no id."""
        return self._folder / f"{_checked(id)}.csv"

    def report(self, id: str) -> Path:
        """What was done with each row."""
        return self._folder / f"{_checked(id)}.report.csv"

    def here(self) -> list[str]:
        """The ids whose file stands on this machine."""
        return [path.stem for path in self._folder.glob("*.csv") if _ID.fullmatch(path.stem)]

    def there(self) -> dict[str, datetime]:
        """Every id of which file or report stands on this machine, and when something was last written to either."""
        found: dict[str, datetime] = {}
        for path in self._folder.glob("*.csv"):
            id = path.name.partition(".")[0]
            with suppress(FileNotFoundError):  # it has just gone
                touched = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                if _ID.fullmatch(id):
                    found[id] = max(touched, found.get(id, touched))
        return found

    def holds(self, id: str) -> bool:
        """Whether anything of a job stands on this machine."""
        return self.file(id).exists() or self.report(id).exists()

    def remove(self, id: str, *, report: bool = True) -> None:
        """Delete the file, and the report with it."""
        self.file(id).unlink(missing_ok=True)
        if report:
            self.report(id).unlink(missing_ok=True)


def _checked(id: str) -> str:
    if not _ID.fullmatch(id):
        raise NotFound("There is no such import.")
    return id
