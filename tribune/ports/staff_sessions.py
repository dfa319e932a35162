"""Browsers that are signed in, and attempts to sign in. Reached as `tx.staff_sessions`."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tribune.domain.sign_in_delays import Attempts, Patience
from tribune.domain.staff_members import Session, Way


class StaffSessions(Protocol):
    """Sessions, by the hash of their token; attempts, by what they are counted by."""

    def add(
        self, token_hash: str, staff: int, way: Way, now: datetime, expires_at: datetime, agent: str, network: str
    ) -> Session: ...

    def by_hash(self, token_hash: str) -> Session | None: ...

    def of(self, staff: int) -> list[Session]:
        """The newest first."""
        ...

    def seen(self, session: int, now: datetime) -> None: ...

    def end(self, session: int, staff: int) -> bool:
        """End one session of this person; False where they have no such."""
        ...

    def end_all(self, staff: int, but: int | None = None) -> int:
        """End all of a person's sessions, but one; how many."""
        ...

    def forget_before(self, now: datetime) -> int:
        """Delete sessions past their time, and attempts that nobody counts any more; how many."""
        ...

    # attempts
    def take_attempt(self, counted_by: str, patience: Patience, now: datetime) -> datetime | None:
        """Count an attempt made now; or the instant to wait for, where it comes too early and is not counted. Two at
        the same moment are counted one after the other."""
        ...

    def attempts(self, counted_by: str) -> Attempts | None: ...

    def give_back_attempt(self, counted_by: str) -> None:
        """The attempt that was counted last went well: it counts no more, and nobody waits for it."""
        ...

    def clear_attempts(self, counted_by: str) -> None: ...
