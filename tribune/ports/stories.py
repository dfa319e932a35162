"""Looking back: in which mailings an item went out, and in which language people were shown it. Reached as `tx.stories`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Shown:
    """People of one mailing who were shown an item in `language`, in a mail whose own words are in `locale`."""

    mailing: int
    locale: str
    language: str
    people: int


class Stories(Protocol):
    """What became of items."""

    def shown(self, item: int, *, mailings: int = 20) -> list[Shown]:
        """Where an item was shown, in the newest `mailings` that held it, the newest first."""
        ...
