"""Looking back: in which mailings an item went out, to whom, and in which language. Reached as `tx.stories`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
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

    def shown(self, item: int, since: datetime, until: datetime, *, mailings: int = 50) -> list[Shown]:
        """Where an item was shown: the newest `mailings` that held it of those due in this time, the newest first.
        Who was not mailed because the mailing was cancelled is not counted."""
        ...

    def readers(self, item: int, among: Collection[int], mailings: Collection[int]) -> set[int]:
        """Those of the people `among` to whom one of these mailings showed the item."""
        ...

    def delivery(self, mailing: int, chunk: int, place: int) -> tuple[int, int] | None:
        """Whom a delivery is for, and the signature of its content."""
        ...
