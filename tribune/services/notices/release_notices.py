"""What time brings back: notices that are due for another attempt, or whose sender died."""

from __future__ import annotations

from datetime import datetime

from tribune.ports.store import Transaction
from tribune.services.notices.notice_events import notice_ready


def release_notices(tx: Transaction, now: datetime) -> int:
    """Give out an event for each notice that waits for one again; how many."""
    woken = tx.notices.wake(now)
    tx.outbox.add(*(notice_ready(notice, now) for notice in woken))
    return len(woken)
