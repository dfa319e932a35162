"""How often a token or a network may call: a rate with some room for bursts, counted in this process (ADR 31)."""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable

MOST_CALLERS = 10_000


class CallRates:
    """One number a caller: the instant up to which its calls are paid for (the generic cell rate algorithm of ITU-T
    I.371). A quarter of a minute's calls may come at once."""

    def __init__(self, per_minute: int) -> None:
        self._apart = 60 / per_minute
        self._ahead = self._apart * max(per_minute // 4, 1)
        self._paid: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def take(self, caller: Hashable, now: float) -> int:
        """Count a call at `now` (monotonic seconds): 0, or after how many seconds it may be made."""
        with self._lock:
            paid = max(self._paid.get(caller, now), now) + self._apart
            if paid - now > self._ahead + 1e-9:
                return max(math.ceil(paid - now - self._ahead), 1)
            if len(self._paid) >= MOST_CALLERS:
                self._paid = {other: until for other, until in self._paid.items() if until > now}
            self._paid[caller] = paid
            return 0
