"""People as staff look for them, and the list of who is never mailed. Reached as `tx.people`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from tribune.domain.audience import Status


class Found(NamedTuple):
    """A person in a list."""

    id: int
    name: str
    address: str
    group: str
    status: Status


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of the suppression list: why, since when, and the number of the person (None: no longer known)."""

    reason: str
    since: datetime
    subscriber: int | None


class People(Protocol):
    """Queries for pages: bounded, and quick among a million."""

    def by_address(self, beginning: str, limit: int, after: int = 0) -> list[Found]:
        """Whose folded address begins so, in the order of the addresses; those after the person of that number."""
        ...

    def by_name(self, words: Sequence[str], limit: int, after: int = 0) -> list[Found]:
        """In whose name each of these is the beginning of a word, as told, or in small or capital
        letters; in order of their numbers, those after this one."""
        ...

    def newest(self, limit: int, before: int = 0) -> list[Found]:
        """The newest first; with `before`, those whose numbers are lower."""
        ...

    # who is never mailed
    def suppressed(self) -> Mapping[str, int]:
        """Reason -> how many addresses."""
        ...

    def listed(self, key: str) -> Listed | None:
        """The entry of a folded address."""
        ...

    def entries(self, limit: int) -> list[Listed]:
        """The newest entries."""
        ...
