"""How often a network has asked, over all web processes. Reached as `tx.quotas`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol


class Window(NamedTuple):
    """Whom (an opaque word), when the window of time ends in which they are counted, and how long it is: the one before
    ended where it begins."""

    who: str
    until: datetime
    within: timedelta


class Counted(NamedTuple):
    """How many a window holds, and the one before it."""

    asked: int
    before: int


class Quotas(Protocol):
    """Counters of windows of time."""

    def count(self, asked: Mapping[Window, int]) -> dict[Window, Counted]:
        """Add to these windows; how much each holds now, these included. Whoever counts the same window next waits
        until this transaction ends."""
        ...

    def forget_before(self, instant: datetime) -> int:
        """Delete windows that ended before an instant; how many."""
        ...
