"""Event ids that a group has handled: at least once in, once in effect."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Inbox(Protocol):
    """The inbox of all groups."""

    def seen(self, group: str, source: str, event_id: str) -> bool: ...

    def remember(self, group: str, source: str, event_id: str, now: datetime) -> None: ...

    def forget_before(self, instant: datetime) -> int: ...
