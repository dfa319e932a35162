"""A CSV file as somebody saved it: in which encoding, how its cells are parted, and its rows one by one.

Everything is bounded before it is read: the length of a line, the number of columns, the size of a cell.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tribune.domain.errors import InvalidInput
from tribune.domain.imports import Refusal
from tribune.services.audience.joined_lines import LinesAgain, joins_rows

Cells = list[str]

SAVE_AS = "Save it as CSV UTF-8."

MAX_COLUMNS = 200
LONGEST_LINE = 1_000_000
_BLOCK = 1 << 18
_MOST_LINES = 20
"""Of a first row, whose headings may be broken into lines."""
_SAYS_SEPARATOR = re.compile(r'\ufeff?"?sep=([^\w\s"=]|\t)"?(?:\r\n|\r|\n)', re.I)
"""What spreadsheets understand as a first line: `sep=;`. They do not count it as a row."""
_ADDRESS = re.compile(r"[^\s\"<>,;|]+@[^\s\"<>,;|@]+")
_BEYOND = rb"(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})"
_UTF_8 = re.compile(rb"[\xc2-\xc5][\x80-\xbf]|\xe2\x80[\x80-\xbf]|" + _BEYOND + b"{2}")
"""UTF-8 for certain: a letter of Western or Central Europe, a sign like a dash, or two of any script in a row. One
alone of another script may be Windows-1252: "é" before a no-break space and "»", "É" before a quotation mark."""
_MIXED = "mixed"

ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}
"""What is recognised, and how it is called."""


@dataclass(frozen=True, slots=True)
class Unread(Refusal):
    """A row, or several, of which nobody knows which cell is which. `addresses` stand somewhere in it, as written;
    None: whatever follows is unread as well, and may be about anybody."""

    addresses: frozenset[str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that has been looked at. `header`: its first row, as written but in one line each, empty cells at the end
    left out. `says_separator`: a line before it names the delimiter."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    says_separator: bool = False

    def rows(self, address_at: int | None = None) -> Iterator[tuple[int, Cells | Unread]]:
        """(row number, cells) after the header; blank rows are passed over. A row that cannot be read is a refusal, and
        so is one that seems to be several: `address_at` is the column in which addresses stand, where it is known."""
        width, dialect = len(self.header), self._dialect()
        before = 1 if self.says_separator else 0
        again = LinesAgain(self.path, self.encoding)
        with self.path.open(encoding=self.encoding, newline="") as file, closing(again):
            if self.says_separator:
                file.readline()
            reader = csv.reader(file, dialect)
            number, more = 0, 0  # how many lines there are so far, beyond one for each row
            try:
                for number, cells in enumerate(reader, start=1):
                    first = number + more
                    if (last := reader.line_num) != first:
                        more = last - number
                        lines = again.between(before + first, before + last) if number > 1 else []
                        if lines and joins_rows(cells, lines, dialect, address_at):
                            yield number, _joined(number, cells, before + first, before + last)
                            continue
                    if number == 1 or not any(cells):
                        continue
                    if len(cells) > width and any(cell.strip() for cell in cells[width:]):
                        reason = f"The row has {len(cells)} cells, the first row {width}."
                        hint = "Put cells that hold separators in quotation marks."
                        yield number, Unread(number, "", "", reason, hint, addresses=_addresses(cells))
                    else:
                        yield number, cells
            except csv.Error as error:
                hint = "A quotation mark may be left open; nothing after it could be read."
                reason = f"From here on the file cannot be read: {error}."
                yield number + 1, Unread(number + 1, "", "", reason, hint)

    def _dialect(self) -> type[csv.Dialect]:
        return type("Parted", (csv.excel,), {"delimiter": self.delimiter})


def _addresses(cells: Cells) -> frozenset[str]:
    return frozenset(found for cell in cells if "@" in cell for found in _ADDRESS.findall(cell))


def _joined(row: int, cells: Cells, first: int, last: int) -> Unread:
    reason = f"A quotation mark may be left open: lines {first} to {last} were read as one row."
    hint = "Close it, or take it out: nothing in these lines was taken in."
    return Unread(row, "", "", reason, hint, addresses=_addresses(cells))


def look_at(path: Path) -> CsvFile:
    """Find out how a file is written. Raises InvalidInput where it is no CSV file that can be read to its end."""
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        text = file.read(LONGEST_LINE + 2)
    said = _SAYS_SEPARATOR.match(text)
    text = text[said.end() :] if said else text
    if not text.partition("\n")[0].partition("\r")[0].strip():
        raise InvalidInput("The first row is empty.", where=str(path), hint="It must name the columns.")
    tried = [_first_row(text, delimiter) for delimiter in (said[1] if said else ",;\t")]
    first = max(tried, key=lambda row: (len(row.cells), not row.fault))
    if first.fault:
        raise InvalidInput(f"The first row cannot be read: {first.fault}.", where=str(path), hint=SAVE_AS)
    header = [" ".join(cell.split()) for cell in first.cells]  # a heading may be broken into lines
    while header and not header[-1]:
        header.pop()
    if not all(cell.isprintable() for cell in header):
        raise InvalidInput("This is not a CSV file: its first row is no text.", where=str(path), hint=SAVE_AS)
    if len(header) > MAX_COLUMNS:
        raise InvalidInput(
            f"The first row names {len(header):,} columns.", where=f"{path}, row 1", hint=f"At most {MAX_COLUMNS}."
        )
    return CsvFile(path, encoding, first.delimiter, told_apart(header), said is not None)


@dataclass(frozen=True, slots=True)
class _FirstRow:
    """The first row as it is with a delimiter, and why it cannot be read ("": it can)."""

    delimiter: str
    cells: list[str]
    fault: str = ""


def _first_row(text: str, delimiter: str) -> _FirstRow:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        cells = next(reader)
        lines = reader.line_num
        swallowed_all = lines > 1 and next(reader, None) is None and text.count('"') % 2 == 1
    except csv.Error as error:
        return _FirstRow(delimiter, text.splitlines()[0].split(delimiter), str(error))
    if lines > _MOST_LINES or swallowed_all:
        return _FirstRow(delimiter, cells, "a quotation mark is left open")
    return _FirstRow(delimiter, cells)


def told_apart(header: Sequence[str]) -> tuple[str, ...]:
    """Columns of the same name as `name` and `name (2)`, so that each can be chosen by itself."""
    seen: set[str] = set()
    told = []
    for name in header:
        one, number = name, 1
        while name and one.lower() in seen:
            number += 1
            one = f"{name} ({number})"
        seen.add(one.lower())
        told.append(one)
    return tuple(told)


def _encoding(path: Path) -> str:
    """The first encoding in which the whole file can be read."""
    with path.open("rb") as file:
        head = file.read(_BLOCK)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        tried = ["utf-16"]
    elif b"\0" in head[1:2]:
        tried = ["utf-16-le"]
    elif b"\0" in head[:1]:
        tried = ["utf-16-be"]
    else:
        tried = ["utf-8-sig", "cp1252"]
    for encoding in tried:
        reason = _unreadable(path, encoding)
        if reason is None:
            return encoding
        if reason is _MIXED:
            where = f"{path}, line {_line_that_is_not(path, tried[0])}"
            raise InvalidInput(
                "This line is not UTF-8, though others are. Nothing was taken in.", where=where, hint=SAVE_AS
            )
        if reason:
            raise InvalidInput(reason, where=str(path), hint=SAVE_AS)
    where = f"{path}, line {_line_that_is_not(path, tried[0])}"
    raise InvalidInput(
        "This is not text in UTF-8, UTF-16 or Windows-1252. Nothing was taken in.", where=where, hint=SAVE_AS
    )


def _unreadable(path: Path, encoding: str) -> str | None:
    """None where the file is text in this encoding, "" where another one may be tried; else why it is no CSV file, or
    _MIXED: as Windows-1252 it can be read, but some of it is UTF-8 and would become nonsense."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, end = 0, b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if encoding == "cp1252" and _UTF_8.search(end + block):
                return _MIXED
            end = block[-7:]
            try:
                text = decoder.decode(block)
            except UnicodeDecodeError:
                return ""
            if "\0" in text:
                return "This is not a CSV file: it holds bytes that are no text."
            first = next((at for at in (text.find("\n"), text.find("\r")) if at >= 0), len(text))
            last = max(text.rfind("\n"), text.rfind("\r"))
            longest = line + first
            line = longest if last < 0 else len(text) - last
            if longest > LONGEST_LINE:
                return f"This is not a CSV file: a line is longer than {LONGEST_LINE:,} characters."
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return ""
    return None


def _line_that_is_not(path: Path, encoding: str) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return 1
