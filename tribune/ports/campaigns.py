"""Campaigns: what staff wrote, and for whom it was planned. Reached as `tx.campaigns`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tribune.domain.campaigns import Campaign, Draft, Numbers
from tribune.ports.segments import Segment


class Campaigns(Protocol):
    """Written once, when they are planned."""

    def add(self, draft: Draft, digest: str, segment: Segment, numbers: Numbers, now: datetime, by: str) -> int:
        """Store one; the segment's version and rule are kept with it. Its id."""
        ...

    def one(self, id: int) -> Campaign | None: ...

    def named(self, name: str) -> Sequence[tuple[int, int]]:
        """(id, number of its mailing) of the campaigns with this name, the newest first."""
        ...

    def newest(self, limit: int) -> Sequence[str]:
        """The names of the newest."""
        ...
