"""The report of an import: a CSV file with a line for each row, written as the import goes on."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from tribune.domain.imports import REPORT_COLUMNS, Outcome, Refusal, report_cells

BOM = "\ufeff"
"""Without it a spreadsheet takes UTF-8 for something else."""

_WORDS = {outcome: f",{outcome.value},,,,\r\n" for outcome in Outcome}


class Report:
    """A report in a file that only its owner can read. `length`: how much of it stands, where an import goes on."""

    def __init__(self, path: Path, length: int = 0) -> None:
        self._path = path
        self._length = length
        self._file: BinaryIO | None = None

    def __enter__(self) -> Report:
        number = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(number, "r+b")
        self._file.truncate(self._length)
        self._file.seek(self._length)
        if not self._length:
            self._file.write(f"{BOM}{','.join(REPORT_COLUMNS)}\r\n".encode())
        return self

    def write(self, results: Iterable[Refusal | tuple[int, Outcome]]) -> int:
        """Add lines; how long the report is then, in bytes."""
        assert self._file is not None  # noqa: S101 - it is open
        words = _WORDS
        lines = [
            _line(result) if isinstance(result, Refusal) else f"{result[0]}{words[result[1]]}" for result in results
        ]
        self._file.write("".join(lines).encode())
        self._file.flush()
        return self._file.tell()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def _line(refusal: Refusal) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(report_cells(refusal))
    return text.getvalue()
