"""Let mailings age out that ended long ago: who got what is forgotten, the numbers stay (ADR 17)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tribune.domain.mailings import MailingState
from tribune.ports.store import Transaction

ROWS = 10_000
"""Rows that one transaction deletes: some hundredths of a second."""


UNDECIDED = "held back until it aged out"
"""The code of a delivery that staff never decided about."""


@dataclass(frozen=True, slots=True)
class Aged:
    """What a slice did. `undecided`: mails that were held back until now and count as failed from now on. `ended`:
    nothing is left of the mailing but its numbers."""

    mailing: int
    rows: int
    undecided: int
    ended: bool


def age_slice(tx: Transaction, before: datetime, now: datetime, rows: int = ROWS) -> Aged | None:
    """Delete some rows of one mailing that ended before an instant; None where there is none.

    Its numbers are written down with the first slice, in the same transaction, so that they are always whole. What is
    still held back for staff can be decided by nobody any more: it has failed.
    """
    mailing = tx.ageing.next(before)
    if mailing is None:
        return None
    told = tx.ledger.mailing(mailing)
    cancelled = told is not None and told.state is MailingState.CANCELLED  # nobody could have sent these again
    undecided = 0 if cancelled else tx.ledger.leave_all(mailing, UNDECIDED, now)
    tx.ageing.keep_totals(mailing, tx.ledger.progress(mailing))
    gone = tx.ageing.delete_rows(mailing, rows)
    ended = gone < rows
    if ended:
        tx.ageing.end(mailing, now)
    return Aged(mailing, gone, undecided, ended)
