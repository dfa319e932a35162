"""Consent records, and the words that were agreed to. Reached as `tx.consents`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from tribune.domain.consent import ConsentRecord, ConsentText


class Consents(Protocol):
    """Append-only, but for what time takes away. Erasing a person deletes theirs by itself."""

    def add(self, records: Sequence[ConsentRecord]) -> None:
        """Keep these, in this order."""
        ...

    def of(self, subscriber: int) -> list[ConsentRecord]:
        """A person's records, the oldest first."""
        ...

    def export(self) -> Iterator[ConsentRecord]:
        """All records in the order in which they were kept, read in batches."""
        ...

    def keep_text(self, text: ConsentText, now: datetime) -> None:
        """Remember these words under their version; once is enough."""
        ...

    def text(self, version: str) -> ConsentText | None: ...

    # what time takes away (tribune.services.audience.carry_out_retention)
    def forget_networks(self, before: datetime, most: int) -> int:
        """Empty the networks of records older than an instant, at most so many; how many."""
        ...
