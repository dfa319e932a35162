"""When to try again: back-off as a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """Wait `first` after the first failure, `factor` times as long after each further one, at most `longest`;
    give up after `attempts` tries. `spread` is the share of a wait by which it may be longer, so that what
    failed together is not tried again all at the same instant."""

    attempts: int = 6
    first: timedelta = timedelta(seconds=2)
    factor: float = 5.0
    longest: timedelta = timedelta(minutes=15)
    spread: float = 0.2

    def wait(self, failures: int, chance: float = 0.0) -> timedelta | None:
        """How long to wait after that many failures (1 or more), or None: give up.

        `chance` is 0 to 1: where in the spread this one lies. With the defaults: 2 s, 10 s, 50 s, 250 s, 15 min.
        """
        if failures < 1:
            raise ValueError(f"{failures} failures: there is nothing to wait for")
        if failures >= self.attempts:
            return None
        seconds = self.first.total_seconds()
        for _ in range(failures - 1):  # not a power: it would overflow for a long patience
            seconds = min(seconds * self.factor, self.longest.total_seconds())
        seconds = min(seconds, self.longest.total_seconds())
        return timedelta(seconds=seconds * (1 + self.spread * min(max(chance, 0.0), 1.0)))


EVENTS = Backoff()
"""For events whose handler fails: six tries within some twenty minutes, then the dead letters."""
