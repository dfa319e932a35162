"""How often a network has asked, over all web processes. Reached as `tx.quotas`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

Window = tuple[str, datetime]
"""Whom (an opaque word), and when the window of time ends in which they are counted."""


class Quotas(Protocol):
    """Counters of windows of time."""

    def count(self, asked: Mapping[Window, int]) -> dict[Window, int]:
        """Add to these windows; how much each holds now, these included. Whoever counts the same window next waits
        until this transaction ends."""
        ...

    def forget_before(self, instant: datetime) -> int:
        """Delete windows that ended before an instant; how many."""
        ...
