"""The ledger ages out: of mailings that ended long ago only the numbers stay. Reached as `tx.ageing`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from tribune.domain.mailings import DeliveryState


class Ageing(Protocol):
    """What age_out reads and writes."""

    def next(self, before: datetime) -> int | None:
        """A mailing that ended before an instant and still has rows, held until the transaction ends; those that
        another transaction holds are passed over."""
        ...

    def keep_totals(self, mailing: int, totals: Mapping[str, Mapping[DeliveryState, int]]) -> None:
        """Write down its numbers, where they are not written yet."""
        ...

    def delete_rows(self, mailing: int, most: int) -> int:
        """Delete about so many of its rows (deliveries and what belongs to them); how many. 0: none are left."""
        ...

    def end(self, mailing: int, now: datetime) -> None:
        """Nothing is left of it but its numbers."""
        ...
