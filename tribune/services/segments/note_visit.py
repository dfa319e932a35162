"""Note that a person used one of our pages: the last day is kept, nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from tribune.ports.store import Transaction


def note_visit(tx: Transaction, person: int, now: datetime) -> None:
    """The person did something on a page as themselves. For what is done with a POST: a GET may be a mail scanner's.

    Who does not exist is passed over."""
    tx.segments.saw([person], now.astimezone(UTC).date())
