"""Rows that a quotation mark left open has joined into one are not lost without a word, in whatever column it was."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.imports import Refusal
from tribune.services.audience.csv_file import look_at

COLUMNS = ("Address", "Name", "Languages", "Zone", "Notes")


def people(marks: dict[tuple[int, str], str], columns: Sequence[str], parted: str = ",", last: int = 50) -> list[str]:
    """The lines of a file of people p1 to p50; `marks`: what stands in a cell instead, as the file has it."""
    lines = [parted.join(columns)]
    for n in range(1, last + 1):
        cells = dict(zip(COLUMNS, (f"p{n}@example.org", f"P {n}", "en", "UTC", "x"), strict=True))
        lines.append(parted.join(marks.get((n, column), cells[column]) for column in columns))
    return lines


def read(folder: Path, lines: Sequence[str], columns: Sequence[str], end: str = "\n") -> tuple[set[str], list[Refusal]]:
    """Whose rows are read, and what is refused."""
    path = folder / "people.csv"
    path.write_bytes((end.join(lines) + end).encode())
    at = list(columns).index("Address")
    rows = [row for _, row in look_at(path).rows(at)]
    taken = {row[at].partition("@")[0] for row in rows if not isinstance(row, Refusal)}
    return taken, [row for row in rows if isinstance(row, Refusal)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("parted", [",", ";", "\t"])
@pytest.mark.parametrize(("opened", "closed"), [('"urgent', '"later'), ('"urgent', '12"'), ('"urgent', '"ok"')])
def test_lines_that_were_joined_are_named(tmp_path: Path, opened: str, closed: str, parted: str, end: str) -> None:
    lines = people({(10, "Notes"): opened, (30, "Notes"): closed}, COLUMNS, parted)
    taken, refused = read(tmp_path, lines, COLUMNS, end)
    assert taken == {f"p{n}" for n in range(1, 51) if not 10 <= n <= 30}
    assert [(r.row, r.reason) for r in refused] == [
        (11, "A quotation mark may be left open: lines 11 to 31 were read as one row.")
    ]


@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS[::-1], ("Name", "Address", "Notes", "Languages", "Zone")])
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("until", [11, 12, 30])
@pytest.mark.parametrize("closed", ['"later', '12"', '"ok"'])
def test_nobody_is_lost_without_a_word(
    tmp_path: Path, columns: Sequence[str], column: str, until: int, closed: str
) -> None:
    if column == "Address":
        closed = f"{closed[:-1]}@example.org{closed[-1]}" if closed.endswith('"') else f"{closed}@example.org"
    lines = people({(10, column): '"urgent', (until, column): closed}, columns)
    taken, refused = read(tmp_path, lines, columns)
    assert len(refused) == 1
    assert f"lines 11 to {until + 1} were" in refused[0].reason
    assert taken == {f"p{n}" for n in range(1, 51) if not 10 <= n <= until}


def test_a_mark_that_is_never_closed_takes_the_rest_with_it_and_says_so(tmp_path: Path) -> None:
    taken, refused = read(tmp_path, people({(40, "Notes"): '"urgent'}, COLUMNS), COLUMNS)
    assert (len(taken), [r.reason.partition(": ")[2] for r in refused]) == (
        39,
        ["lines 41 to 51 were read as one row."],
    )


def test_where_the_separator_is_named_first_lines_are_still_those_of_an_editor(tmp_path: Path) -> None:
    lines = ["sep=,", *people({(1, "Notes"): '"a\nb"', (10, "Name"): '"x', (11, "Name"): '12"'}, COLUMNS)]
    taken, refused = read(tmp_path, lines, COLUMNS)
    assert ("p1" in taken, len(taken)) == (True, 48)
    assert [(r.row, r.reason.partition(": ")[2]) for r in refused] == [(11, "lines 13 to 14 were read as one row.")]


GENUINE = [
    "Route des Morillons 4,\nCH-1211 Geneva 22, Switzerland",
    "Please write to her at work:\nada@work.example",
    'Since 2019, as "delegate"\nsee also ada@work.example, she said, and others; not by phone',
    "\n\n",
    "Call first,\r\nthen write, always\r\n",
    "ILO; Geneva\tSwitzerland\nCH",
]


@pytest.mark.parametrize("parted", [",", ";", "\t"])
@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS[::-1]])
@pytest.mark.parametrize("note", GENUINE)
def test_a_text_that_was_broken_into_lines_is_one_cell(
    tmp_path: Path, note: str, columns: Sequence[str], parted: str
) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=parted).writerow([note])
    quoted = written.getvalue().removesuffix("\r\n")
    taken, refused = read(tmp_path, people({(10, "Notes"): quoted}, columns, parted), columns)
    assert (len(taken), refused) == (50, [])


def cells() -> Iterator[st.SearchStrategy[str]]:
    text = st.text(alphabet='ab,;\n\r "', max_size=12)
    yield from (text, text, text)


@given(st.lists(st.tuples(*cells()), max_size=20))
def test_whatever_texts_a_program_has_written_are_read_as_they_were(rows: list[tuple[str, ...]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("address", "a", "b", "c"), *(("p@example.org", *row) for row in rows)])
        assert [cells for _, cells in look_at(path).rows(0)] == [["p@example.org", *row] for row in rows]
