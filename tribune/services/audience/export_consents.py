"""Give consent records out as CSV: the answer to "on what ground do you write to this person". Numbers, no names."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import TextIO

from tribune.domain.consent import ConsentRecord
from tribune.domain.spreadsheet import neutral
from tribune.ports.store import Transaction

BOM = "\ufeff"
"""Without it a spreadsheet takes UTF-8 for something else."""

COLUMNS = (
    *("subscriber", "act", "at", "source", "by", "basis"),
    *("agreed", "text_version", "text", "network"),
)


def export_consents(tx: Transaction, file: TextIO, subscriber: int | None = None) -> int:
    """Write all records (or one person's), the oldest first, each with the words that were shown; how many. `file`
    needs newline=""."""
    file.write(BOM)
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    words: dict[str, str] = {}
    number = 0
    found: Iterable[ConsentRecord] = tx.consents.export() if subscriber is None else tx.consents.of(subscriber)
    for record in found:
        if record.text_version not in words:
            text = tx.consents.text(record.text_version) if record.text_version else None
            words[record.text_version] = text.words if text else ""
        writer.writerow([neutral(cell) for cell in _cells(record, words[record.text_version])])
        number += 1
    return number


def _cells(record: ConsentRecord, words: str) -> tuple[str, ...]:
    return (
        str(record.subscriber),
        record.act.value,
        record.at.isoformat(),
        record.source.value,
        record.by,
        record.basis,
        json.dumps(record.agreed, ensure_ascii=False, sort_keys=True),
        record.text_version,
        words,
        record.network,
    )
