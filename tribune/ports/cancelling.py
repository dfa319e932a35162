"""What a cancelled mailing leaves: its chunks are closed one after the other, and what they held is carried over.

A chunk in the hands of a sender is closed once the sender has let go of it, or its lease ran out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from tribune.domain.mailings import Mailing


class Cancelling(Protocol):
    """Reached as `tx.cancelling`."""

    def unmailed(self, mailing: int) -> int:
        """How many deliveries certainly never left so far: what a cancellation now would cancel."""
        ...

    def unfinished(self, limit: int = 20) -> list[int]:
        """Cancelled mailings with chunks that are not closed yet."""
        ...

    def closable(self, mailing: int, now: datetime, limit: int) -> list[int]:
        """Chunks of a cancelled mailing that nobody works on, and that are not closed yet; they stay locked."""
        ...

    def held(self, mailing: int) -> int:
        """How many chunks are not closed yet."""
        ...

    def signatures(self, mailing: int, chunks: Collection[int]) -> set[int]:
        """The signatures of the deliveries in these chunks that never left."""
        ...

    def carry_over(self, mailing: Mailing, chunks: Collection[int], items: Iterable[tuple[int, int, str]]) -> int:
        """Let the items of signatures, (signature, item, language), wait for the next mail of the people in these
        chunks who were not mailed; how many people that are.

        It comes in the cadence of the mailing, or in their quickest of this digest where they have given that one up.
        Left out: who does not get the digest any more, is paused or suppressed. An item that waits already is left as
        it is. What was to be "at once" is no longer taken for had.
        """
        ...

    def close(self, mailing: int, chunks: Collection[int], now: datetime) -> None:
        """No sender may touch these chunks any more; one that still believes to hold a delivery of theirs is fenced."""
        ...

    def end(self, mailing: int, now: datetime) -> bool:
        """All chunks are closed: the cancellation is through. True for the one call that found it so."""
        ...
