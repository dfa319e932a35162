"""People as staff look for them, and the list of who is never mailed. Reached as `tx.people`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from tribune.domain.addresses import SuppressionHash
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


@dataclass(frozen=True, slots=True)
class KeyOfList:
    """A key that the suppression list was made with: its fingerprint, for how many addresses, from when to when."""

    fingerprint: str
    addresses: int
    first: datetime
    last: datetime


class Forgotten(NamedTuple):
    """Of the addresses that were listed with a lost key: how many are listed anew, and how many are off the list."""

    listed_anew: int
    gone: int


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

    def keys_of_list(self) -> Sequence[KeyOfList]:
        """With which keys the list was made, the one of most addresses first."""
        ...

    def forget_key(self, made: SuppressionHash, fingerprint: str) -> Forgotten:
        """Take off the list what was made with a key that is lost: with `made` whoever is still known is listed anew.
        Raises NotFound where nothing was made with it, and Conflict where it is not lost."""
        ...
