"""What is particular to mails at once: never the same release twice, and a daily cap (decisions.md, 11 and 13)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from tribune.domain.audience import Cadence
from tribune.domain.changes import FIRST_HOUR
from tribune.domain.schedule import Timing, next_after
from tribune.domain.zones import zone
from tribune.ports.audience import CarryOver
from tribune.ports.planning import Due
from tribune.ports.store import Transaction
from tribune.services.planning.match_items import Candidate
from tribune.services.planning.wait_for_at_once import open_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]

_LONGEST_DAY = timedelta(hours=50)
"""Whatever the zone does, what was mailed longer ago was not mailed on the same local date."""


def without_served(tx: Transaction, due: Due, selected: Bools, candidates: Sequence[Candidate]) -> None:
    """Take out of `selected` (items x people) what a person was mailed at once before, by whichever digest."""
    if not selected.any():
        return
    oldest = min(candidate.releases[0].sequence for candidate in candidates)
    row_of = {release.sequence: row for row, c in enumerate(candidates) for release in c.releases}
    for subscriber, sequence in tx.planning.served_at_once(due, oldest - 1):
        person = int(np.searchsorted(due.ids, subscriber))
        if sequence in row_of and person < len(due.ids) and due.ids[person] == subscriber:
            selected[row_of[sequence], person] = False


def within_daily_cap(
    tx: Transaction,
    due: Due,
    selected: Bools,
    candidates: Sequence[Candidate],
    digest: str,
    cap: int,
    at: datetime,
    now: datetime,
) -> None:
    """Whoever has had `cap` mails at once on this local date gets these items later: with their daily mail, or where
    they have none, at once in the morning of their next day, for which a window is opened."""
    sent = _sent_today(tx, due, digest, at)
    capped = np.flatnonzero((sent >= cap) & selected.any(axis=0))
    if not len(capped):
        return
    ids = due.ids[capped].tolist()
    daily = tx.planning.with_rhythm(digest, Cadence.DAILY, ids)
    rows = [
        CarryOver(
            subscriber=subscriber,
            digest=digest,
            cadence=Cadence.DAILY if subscriber in daily else Cadence.AT_ONCE,
            item=candidates[row].item.id,
            reason="daily_cap",
        )
        for subscriber, person in zip(ids, capped.tolist(), strict=True)
        for row in selected[:, person].nonzero()[0].tolist()
    ]
    selected[:, capped] = False
    tx.planning.carry_over(rows)
    waiting = {row.subscriber for row in rows if row.cadence is Cadence.AT_ONCE}
    mornings = [
        _next_morning(due.profiles[profile].zone, at)
        for profile in {
            int(due.profile[person]) for id, person in zip(ids, capped.tolist(), strict=True) if id in waiting
        }
    ]
    if mornings:  # the others are put off again by the first one's window
        open_window(tx, digest, min(mornings), now)


def _next_morning(where: str, at: datetime) -> datetime:
    """When the daily cap is free again, at a civil hour: the morning of the local date that follows."""
    return next_after(Timing(Cadence.DAILY, 0, FIRST_HOUR, where), at.astimezone(zone(where)).date()).due_at


def _sent_today(tx: Transaction, due: Due, digest: str, at: datetime) -> NDArray[np.int64]:
    """How many mails at once each person has had on the local date that it is for them."""
    sent = np.zeros(len(due.ids), np.int64)
    zones = [zone(profile.zone) for profile in due.profiles]
    today = [at.astimezone(where).date() for where in zones]
    for instant, subscribers in tx.planning.mailed_at_once(digest, at - _LONGEST_DAY).items():
        same = np.array([instant.astimezone(z).date() == day for z, day in zip(zones, today, strict=True)], np.bool_)
        person = np.searchsorted(due.ids, subscribers)
        person = person[person < len(due.ids)]
        person = person[np.isin(due.ids[person], subscribers)]
        sent[person] += same[due.profile[person]]
    return sent
