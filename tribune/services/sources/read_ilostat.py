"""ILOSTAT's CSV -> a compact table: the bulk files and the answers of the data API, plain or gzip.

Columns: ref_area, indicator, source, sex, classif1, classif2, time, obs_value, obs_status, notes; UTF-8 with BOM.
The source survey is not part of an observation's key: a country that changes its survey does not publish anew.
A million rows are held as three index columns and one of values, 21 bytes a row.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from array import array
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from tribune.domain.errors import SourceError
from tribune.services.sources.plain_text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_LINE = 1 << 20
MAX_TEXT = 4_000_000_000
_NO_VALUE = frozenset({"", "nan", "na", "n/a", ".", "..", "null"})


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Observations in the order of their keys. `series` joins indicator and classification codes with `|`.

    `area`, `series_at` and `period` are indexes into `areas`, `series`, `periods`; `value` is NaN where there is none
    (suppressed, not available); `status` indexes `statuses` (B break in series, U unreliable, E estimate ...).
    """

    areas: tuple[str, ...]
    series: tuple[str, ...]
    periods: tuple[str, ...]
    statuses: tuple[str, ...]
    area: NDArray[np.int32]
    series_at: NDArray[np.int32]
    period: NDArray[np.int32]
    value: NDArray[np.float64]
    status: NDArray[np.uint8]
    indicators: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.value)

    @property
    def observations(self) -> int:
        """How many have a value."""
        return int(np.count_nonzero(~np.isnan(self.value)))

    def to_bytes(self) -> bytes:
        """The table without labels and problems, compressed; equal tables give equal bytes."""
        names = [list(self.areas), list(self.series), list(self.periods), list(self.statuses), list(self.indicators)]
        head = json.dumps(names).encode()
        columns = (self.area, self.series_at, self.period, self.value, self.status)
        body = b"".join(np.ascontiguousarray(one).tobytes() for one in columns)
        return zlib.compress(b"tribune-release 1\n" + len(head).to_bytes(8, "little") + head + body, 3)

    @classmethod
    def from_bytes(cls, content: bytes) -> Table | None:
        """The table that `to_bytes` gave, or None where this is none of this form."""
        try:
            told = zlib.decompress(content)
        except zlib.error:
            return None
        magic = b"tribune-release 1\n"
        if not told.startswith(magic):
            return None
        at = len(magic) + 8
        size = int.from_bytes(told[len(magic) : at], "little")
        areas, series, periods, statuses, indicators = (tuple(names) for names in json.loads(told[at : at + size]))
        at += size
        rows = (len(told) - at) // 21
        columns: list[Any] = []
        for type, width in ((np.int32, 4), (np.int32, 4), (np.int32, 4), (np.float64, 8), (np.uint8, 1)):
            columns.append(np.frombuffer(told, type, rows, at))
            at += rows * width
        area, series_at, period, value, status = columns
        return cls(areas, series, periods, statuses, area, series_at, period, value, status, indicators)


def read_ilostat(file: IO[bytes], where: str) -> Table:
    """The table in `file`. Raises SourceError where it is not ILOSTAT's CSV or holds no observation."""
    lines = _lines(file, where)
    rows = csv.reader(lines)
    try:
        head = [name.strip().strip('"').lower() for name in next(rows, [])]
        return _read(rows, head, where)
    except csv.Error as error:
        at = f"{where}, line {rows.line_num}".removeprefix(", ")
        raise SourceError(f"This is not CSV: {error}.", where=at) from None
    except UnicodeDecodeError as error:
        raise SourceError(f"The file is not UTF-8: {error.reason}.", where=where, hint="Check the address.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"The compressed file is broken: {error}.", where=where, hint="Pull again.") from None
    finally:
        lines.close()


def _lines(file: IO[bytes], where: str) -> Generator[str]:
    start = file.read(2)
    file.seek(0)
    plain: Any = gzip.GzipFile(fileobj=file) if start == b"\x1f\x8b" else file
    text = io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")
    total = 0
    try:
        while told := text.readline(MAX_LINE):
            total += len(told)
            if len(told) >= MAX_LINE or total > MAX_TEXT:
                raise SourceError(
                    "The file is too large, or one of its lines is.", where=where, hint="Check the address."
                )
            yield told
    finally:
        text.detach()  # the caller's file stays open


def _read(rows: Iterator[list[str]], head: list[str], where: str) -> Table:
    at = {name: place for place, name in enumerate(head)}
    missing = [name for name in ("ref_area", "time", "obs_value") if name not in at]
    if missing:
        labelled = any(name.endswith(".label") for name in head)
        raise SourceError(
            f"The columns {', '.join(missing)} are missing; the file begins with {', '.join(head[:6])[:80]!r}.",
            where=where,
            hint="Ask the data API for codes (type=code)."
            if labelled
            else "Check that the address answers ILOSTAT's CSV.",
        )
    series_columns = [
        place
        for place, name in enumerate(head)
        if name in ("indicator", "sex") or (name.startswith("classif") and "." not in name)
    ]
    gathered = _Gathered(at, series_columns, len(head))
    gathered.gather(rows)
    return gathered.table(where)


class _Gathered:
    """Rows as they come."""

    def __init__(self, at: dict[str, int], series_columns: list[int], width: int) -> None:
        self._at = at
        self._series_columns = series_columns
        self._width = width
        self._areas: dict[str, int] = {}
        self._series: dict[str, int] = {}
        self._periods: dict[str, int] = {}
        self._statuses: dict[str, int] = {"": 0}
        self._indicators: dict[str, str] = {}
        self._columns = (array("i"), array("i"), array("i"), array("d"), array("B"))
        self._short = self._odd = 0

    def gather(self, rows: Iterator[list[str]]) -> None:
        """Take every row; one that is too short or whose value is no number is counted and passed over."""
        at = self._at
        area_at, time_at, value_at = at["ref_area"], at["time"], at["obs_value"]
        status_at, indicator_at, label_at = at.get("obs_status"), at.get("indicator"), at.get("indicator.label")
        areas, series, periods, statuses, indicators = (
            self._areas,
            self._series,
            self._periods,
            self._statuses,
            self._indicators,
        )
        area_column, series_column, period_column, value_column, status_column = self._columns
        columns, width = self._series_columns, self._width
        nan = float("nan")
        # Local names and one pass: this loop is where a million rows spend their time.
        for row in rows:
            if len(row) != width:
                self._short += bool(row)
                continue
            raw = row[value_at]
            try:
                value = float(raw) if raw else nan
            except ValueError:
                value = nan
                self._odd += raw.strip().lower() not in _NO_VALUE
            if value in (float("inf"), float("-inf")):
                value = nan
            named = "|".join([row[place] for place in columns])
            if indicator_at is not None:
                indicator = row[indicator_at]
                if indicator not in indicators:
                    indicators[indicator] = row[label_at] if label_at is not None else ""
            area_column.append(areas.setdefault(row[area_at], len(areas)))
            series_column.append(series.setdefault(named, len(series)))
            period_column.append(periods.setdefault(row[time_at], len(periods)))
            value_column.append(value)
            status = row[status_at] if status_at is not None else ""
            status_column.append(statuses.setdefault(status, len(statuses)) if len(statuses) < 255 else 0)

    def table(self, where: str) -> Table:
        """The rows in the order of their keys, so that the order of the file does not matter."""
        if not self._columns[3]:
            raise SourceError(
                "The file holds no observations.", where=where, hint="Pull again later; nothing was changed."
            )
        areas, area = _ordered(self._areas, self._columns[0])
        series, series_at = _ordered(self._series, self._columns[1])
        periods, period = _ordered(self._periods, self._columns[2])
        statuses, status = _ordered(self._statuses, self._columns[4])
        value = np.frombuffer(self._columns[3], np.float64)
        key = (area.astype(np.int64) * len(series) + series_at) * len(periods) + period
        order = np.argsort(key, kind="stable")
        key = key[order]
        last = np.append(key[1:] != key[:-1], True)  # said twice: the last row counts
        order = order[last]
        told = (
            (len(key) - len(order), "observation stands", "observations stand", "twice; the last counts"),
            (self._short, "row does", "rows do", "not fit the header"),
            (self._odd, "value is", "values are", "not numeric"),
        )
        return Table(
            areas,
            series,
            periods,
            statuses,
            area[order],
            series_at[order],
            period[order],
            value[order],
            status[order].astype(np.uint8),
            tuple(self._indicators),
            tuple(self._indicators.values()),
            tuple(f"{counted(count, one, many)} {what}." for count, one, many, what in told if count),
        )


def _ordered(names: dict[str, int], column: array[int]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The names in order, and the column with their new indexes."""
    listed = sorted(names)
    place = np.empty(len(listed), np.int32)
    place[[names[name] for name in listed]] = np.arange(len(listed), dtype=np.int32)
    return tuple(listed), place[np.frombuffer(column, np.int32 if column.typecode == "i" else np.uint8)]


def first_indicator(path: Path) -> str:
    """The indicator of a file's first row, where that is a plain code; "" otherwise."""
    try:
        with path.open("rb") as file, closing(_lines(file, str(path))) as lines:
            rows = csv.reader(lines)
            told = dict(zip([name.strip().lower() for name in next(rows, [])], next(rows, []), strict=False))
    except (OSError, csv.Error, UnicodeDecodeError, EOFError, zlib.error, SourceError):
        return ""  # whoever reads the whole file says what is wrong
    code = told.get("indicator", "")
    return code if re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", code) else ""
