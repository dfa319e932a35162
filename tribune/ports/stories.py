"""Looking back: in which mailings an item went out, to whom, and in which language. Reached as `tx.stories`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Shown:
    """People of one mailing who were shown an item in `language`, in a mail whose own words are in `locale`."""

    mailing: int
    locale: str
    language: str
    people: frozenset[int]


class Stories(Protocol):
    """What became of items."""

    def shown(self, item: int, *, mailings: int = 50) -> list[Shown]:
        """Where an item was shown, in the newest `mailings` that held it, the newest first."""
        ...

    def delivery(self, mailing: int, chunk: int, place: int) -> tuple[int, int] | None:
        """Whom a delivery is for, and the signature of its content."""
        ...
