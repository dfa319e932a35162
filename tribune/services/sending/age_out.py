"""Let mailings age out that ended long ago: who got what is forgotten, the numbers stay (ADR 17)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tribune.ports.store import Transaction

ROWS = 10_000
"""Rows that one transaction deletes: some hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Aged:
    """What a slice did. `ended`: nothing is left of the mailing but its numbers."""

    mailing: int
    rows: int
    ended: bool


def age_slice(tx: Transaction, before: datetime, now: datetime, rows: int = ROWS) -> Aged | None:
    """Delete some rows of one mailing that ended before an instant; None where there is none.

    Its numbers are written down with the first slice, in the same transaction, so that they are always whole.
    """
    mailing = tx.ageing.next(before)
    if mailing is None:
        return None
    tx.ageing.keep_totals(mailing, tx.ledger.progress(mailing))
    gone = tx.ageing.delete_rows(mailing, rows)
    ended = gone < rows
    if ended:
        tx.ageing.end(mailing, now)
    return Aged(mailing, gone, ended)
