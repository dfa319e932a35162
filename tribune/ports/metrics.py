"""Counting, as a port: what happened how often, how much there is now, how long it took.

Names are plain (`events_handled`); units stand in them (`_seconds`, `_bytes`). Labels are few and take few values:
never an address, an event id or anything that a stranger chooses freely.
"""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """Where figures go."""

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter, which only grows."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one observation to a histogram."""
        ...


class NullMetrics:
    """Counts nothing."""

    def count(self, name: str, by: float = 1, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...
