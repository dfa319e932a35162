"""Time is a port: nothing reads the clock but through it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What time it is (UTC, aware), and a monotonic reading in seconds for leases."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock, moved by an offset that tests, the demo and the crash suite set."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SteppedClock:
    """The machine's clock, moved by the seconds that a file holds now: the crash suite steps all processes at once.

    A file that is missing or holds no number moves nothing: whoever sets this setting by mistake is served as before.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def offset(self) -> timedelta:
        """By how much it is moved at this moment."""
        try:
            return timedelta(seconds=float(self._file.read_text(encoding="ascii")))
        except (OSError, ValueError, OverflowError):
            return timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class StoppedClock:
    """A clock that stands until it is moved: for tests and the demo."""

    def __init__(self, at: datetime) -> None:
        self._now = at.astimezone(UTC)
        self._ticks = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._ticks

    def sleep(self, seconds: float) -> None:
        self.move(timedelta(seconds=seconds))

    def move(self, by: timedelta) -> None:
        """Move on (or back, as a clock step does)."""
        self._now += by
        self._ticks += max(by.total_seconds(), 0.0)

    def set(self, at: datetime) -> None:
        """Move to an instant."""
        self.move(at.astimezone(UTC) - self._now)
