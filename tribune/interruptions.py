"""Which consumer groups are interrupted again and again, for `/healthz`, and how long each waits before it goes on.

A single interruption is nothing: the log or the store was away for a moment. A row of them means that a group stands
still, which nobody sees by the threads, for they live.
"""

from __future__ import annotations

from dataclasses import dataclass

from tribune.ports.clock import Clock

CALM_SECONDS = 60.0
"""Whoever works for so long and is interrupted then begins another row."""

TOLD_SECONDS = 30.0
"""A group that was not interrupted for so long is well again: more than a wait, and a joining of the group, take."""

ROW = 4
"""So many interruptions in a row are told: with the waits between them, after about seven seconds."""

LONGEST_WAIT = 8.0
"""Seconds between two attempts, at most, while the log or the store is away: work resumes soon after a long outage."""


@dataclass(frozen=True, slots=True)
class _Row:
    count: int
    at: float
    error: str


class Interruptions:
    """The rows of interruptions of one process. Each group writes its own only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, _Row] = {}

    def note(self, group: str, error: Exception, since: float) -> float:
        """That a group which began to work at `since` (monotonic) was interrupted; how many seconds it is to wait."""
        now = self._clock.monotonic()
        before = self._rows.get(group)
        count = 1 if before is None or now - since > CALM_SECONDS else before.count + 1
        self._rows[group] = _Row(count, now, type(error).__name__)
        return min(2.0 ** min(count - 1, 10), LONGEST_WAIT)

    def how_is(self, group: str) -> str:
        """The word for well, or what is the matter: without the error's own words, for anybody may ask."""
        row = self._rows.get(group)
        if row is None or row.count < ROW or self._clock.monotonic() - row.at > TOLD_SECONDS:
            return "ok"
        return f"interrupted {row.count} times in a row ({row.error})"
