"""The archive of issues, a month at a time."""

from __future__ import annotations

import calendar
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tribune.domain.archive import PublicEdition, for_the_shelf

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

_EVER = "9999-99-99"
_WEEK = timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Month:
    """The issues of a month, the newest first. `newer` and `older` are the nearest months (2026-11) that have any."""

    first: date
    editions: list[PublicEdition]
    newer: str = ""
    older: str = ""


def list_editions(tx: Transaction, digests: Collection[str], month: date | None = None) -> Month | None:
    """The month that holds `month`, else the newest one. None where no issue has gone out in it."""
    if month is None:
        newest = tx.archive.issue_day(digests, before=_EVER)
        if newest is None:
            return None
        month = date.fromisoformat(newest)
    first = month.replace(day=1)
    last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    # A week may have begun in the month before.
    found = tx.archive.editions(digests, (first - _WEEK).isoformat(), last.isoformat())
    editions = [one for one in for_the_shelf(found) if one.occasion >= first.isoformat()]
    if not editions:
        return None
    newer = tx.archive.issue_day(digests, after=last.isoformat())
    older = tx.archive.issue_day(digests, before=first.isoformat())
    return Month(first, editions, (newer or "")[:7], (older or "")[:7])


def latest_editions(tx: Transaction, digests: Collection[str], count: int) -> list[PublicEdition]:
    """The last issues."""
    newest = tx.archive.issue_day(digests, before=_EVER)
    if newest is None:
        return []
    since = date.fromisoformat(newest) - timedelta(days=35)
    return for_the_shelf(tx.archive.editions(digests, since.isoformat(), newest))[:count]


def every_edition(tx: Transaction, digests: Collection[str], most: int) -> list[PublicEdition]:
    """The issues of all time, the newest first."""
    return for_the_shelf(tx.archive.editions(digests, "", _EVER))[:most]
