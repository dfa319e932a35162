"""Whether a row of a CSV file that goes over several lines is one row, or several that a quotation mark which was left
open has joined: then all but one would be lost without a word."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

_LINES = re.compile(r"\r\n|\r|\n")
_ADDRESS = re.compile(r"""[\s"']*[^\s"'@]+@[^\s"'@]+[\s"']*""")


def joins_rows(cells: Sequence[str], lines: Sequence[str], dialect: type[csv.Dialect], address_at: int | None) -> bool:
    """Whether rows may have been joined in this one, whose `cells` were read from these `lines` of the file.

    So it is where a quotation mark closes in the middle of a cell, or never; and where a line within a cell has an
    address where the file has its addresses (column `address_at`, None: anywhere). A note, or a postal address, that
    was broken into lines has neither.
    """
    try:
        for _ in csv.reader(lines, dialect, strict=True):
            pass
    except csv.Error:
        return True
    return any(
        _holds_row(_LINES.split(cell), at, dialect.delimiter, address_at)
        for at, cell in enumerate(cells)
        if "\n" in cell or "\r" in cell
    )


def _holds_row(lines: list[str], at: int, delimiter: str, address_at: int | None) -> bool:
    """Whether these lines of the cell in column `at` are the end of a row, whole ones, and the beginning of another."""
    if at == address_at:
        full = [line for line in lines if line.strip()]
        return len(full) > 1 and (any(delimiter in line for line in full) or all(map(_ADDRESS.fullmatch, full)))
    for number, line in enumerate(lines):
        parts = line.split(delimiter)
        # The first line goes on from this column, the last one has all the columns up to it.
        if len(parts) == 1 or (number == len(lines) - 1 and len(parts) <= at):
            continue
        if address_at is None:
            looked_at = parts
        else:
            begins = at if number == 0 else 0
            looked_at = parts[address_at - begins : address_at - begins + 1] if address_at >= begins else []
        if any(_ADDRESS.fullmatch(part) for part in looked_at):
            return True
    return False


class LinesAgain:
    """Lines of a file by their numbers, which may only grow: what a reader of rows has read, once more. It is opened
    when the first is asked for. The first line is 1."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path, self._encoding = path, encoding
        self._file: TextIO | None = None
        self._left: Iterator[str] = iter(())
        self._next = 1

    def between(self, first: int, last: int) -> list[str]:
        """The lines `first` to `last`."""
        if self._file is None:
            self._file = self._path.open(encoding=self._encoding, newline="")
            self._left = iter(self._file)
        found = list(islice(self._left, first - self._next, last - self._next + 1))
        self._next = last + 1
        return found

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
