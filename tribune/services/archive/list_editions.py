"""The archive of issues, a month at a time. Issues of a digest that is no longer offered stay in it."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tribune.domain.archive import PublicEdition, for_the_shelf
from tribune.domain.digests import Digest

if TYPE_CHECKING:
    from tribune.ports.store import Transaction

_EVER = "9999-99-99"
_WEEK = timedelta(days=6)
_SOME = 50


@dataclass(frozen=True, slots=True)
class Month:
    """The issues of a month, the newest first. `newer` and `older` are the nearest months (2026-11) that have any."""

    first: date
    editions: list[PublicEdition]
    newer: str = ""
    older: str = ""


def digests_of_issues(tx: Transaction, digest_of: Callable[[str], Digest]) -> dict[str, Digest]:
    """Every digest that ever had an issue, by its id, as `digest_of` knows it."""
    return {id: digest_of(id) for id in tx.archive.digests()}


def list_editions(tx: Transaction, digests: Mapping[str, Digest], month: date | None = None) -> Month | None:
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
    return Month(first, _marked(tx, digests, editions), (newer or "")[:7], (older or "")[:7])


def latest_editions(tx: Transaction, digests: Mapping[str, Digest], count: int) -> list[PublicEdition]:
    """The last issues."""
    newest = tx.archive.issue_day(digests, before=_EVER)
    if newest is None:
        return []
    since = date.fromisoformat(newest) - timedelta(days=35)
    return _marked(tx, digests, for_the_shelf(tx.archive.editions(digests, since.isoformat(), newest))[:count])


def every_edition(tx: Transaction, digests: Mapping[str, Digest], most: int) -> Iterator[PublicEdition]:
    """The issues of all time that have something to read, the newest first."""
    editions = for_the_shelf(tx.archive.editions(digests, "", _EVER))[:most]
    for start in range(0, len(editions), _SOME):
        marked = _marked(tx, digests, editions[start : start + _SOME])
        yield from (one for one in marked if not one.withdrawn)


def _marked(tx: Transaction, digests: Mapping[str, Digest], editions: Sequence[PublicEdition]) -> list[PublicEdition]:
    """The same, in order, with what is known of whether everything in them has been withdrawn."""
    went = tx.archive.first_dues([one.before for one in editions])
    by_kinds: dict[tuple[str, ...], list[int]] = {}
    for place, one in enumerate(editions):
        by_kinds.setdefault(digests[one.digest].kinds, []).append(place)
    marked = list(editions)
    for kinds, places in by_kinds.items():
        spans = [
            (one.since(went.get(one.before)), one.planned_until, one.first_due)
            for one in map(editions.__getitem__, places)
        ]
        for place, withdrawn in zip(places, tx.archive.withdrawn_between(spans, kinds), strict=True):
            marked[place] = replace(marked[place], withdrawn=withdrawn)
    return marked
