"""Looking back: in which mailings an item went out, to whom, and in which language. Reached as `tx.stories`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Shown:
    """People of one mailing who were shown an item in `language`, in a mail whose own words are in `locale`;
    `signatures` are the contents of theirs."""

    mailing: int
    locale: str
    language: str
    people: int
    signatures: Collection[int]


class Stories(Protocol):
    """What became of items."""

    def shown(self, item: int, since: datetime, until: datetime, *, mailings: int = 50) -> list[Shown]:
        """Where an item was shown: the newest `mailings` that held it of those due in this time, the newest first.
        Who was not mailed because the mailing was cancelled is not counted."""
        ...

    def readers(self, among: Collection[int], shown: Collection[Shown]) -> set[int]:
        """Those of the people `among` who are in what `shown` told."""
        ...

    def places(self, among: Collection[int], *, limit: int = 100) -> Mapping[int, Sequence[tuple[int, int, int]]]:
        """Person -> mailing, chunk and place of what was planned for them, the newest first; who has none is absent."""
        ...

    def delivery(self, mailing: int, chunk: int, place: int) -> tuple[int, int] | None:
        """Whom a delivery is for, and the signature of its content."""
        ...
