"""The first rows of a file, each with what is wrong in it, before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tribune.domain.codelists import Codelists
from tribune.domain.digests import Digest
from tribune.domain.imports import Refusal
from tribune.services.audience.csv_file import ENCODINGS, look_at
from tribune.services.audience.import_columns import suggested
from tribune.services.audience.subscriber_rows import REQUIRED, RefusedCell, RowReader

ROWS = 20
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row: its number, its cells cut short, and why it would be refused (None: it would not)."""

    number: int
    cells: tuple[str, ...]
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Preview:
    """`columns` are what each of the file's columns is taken for; `missing`: columns that a person needs and that
    neither the file nor a default gives."""

    header: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[PreviewRow, ...]
    encoding: str
    delimiter: str
    missing: tuple[str, ...]


def preview_import(
    path: Path,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    columns: Sequence[str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Preview:
    """Look at the file; without `columns` they go by their names. Raises InvalidInput where it is no such file."""
    file = look_at(path)
    told = list(columns) if columns is not None and len(columns) == len(file.header) else suggested(file.header)
    reader = RowReader(told, digests, codelists, defaults)
    missing = tuple(name for name in REQUIRED if name not in told and not (defaults or {}).get(name))
    rows = []
    for number, cells in islice(file.rows(reader.address_at), ROWS):
        if isinstance(cells, Refusal):
            rows.append(PreviewRow(number, (), cells))
            continue
        shown = tuple(cell[:_SHOWN] for cell in cells[: len(file.header)])
        rows.append(PreviewRow(number, shown, None if missing else _refused(reader, number, cells)))
    return Preview(file.header, tuple(told), tuple(rows), ENCODINGS[file.encoding], file.delimiter, missing)


def _refused(reader: RowReader, number: int, cells: list[str]) -> Refusal | None:
    try:
        row = reader.row(number, cells)
        if row.facts.nature is None:
            raise RefusedCell(row.facts.lacks, "", "The cell is empty.", "Fill it in, or give a value for empty cells.")
    except RefusedCell as error:
        return error.at(number)
    return None
