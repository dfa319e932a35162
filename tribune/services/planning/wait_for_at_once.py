"""Open the window in which "at once" waits (decisions.md, 11): what is released meanwhile joins the same mail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from tribune.domain.audience import Cadence, Status, Subscriber
from tribune.domain.digests import Digest
from tribune.ports.store import Transaction


def wait_for_at_once(
    tx: Transaction, item_id: int, digests: Iterable[Digest], wait: timedelta, released_at: datetime, now: datetime
) -> list[str]:
    """Let each digest that takes this item, and that somebody has at once, be due `wait` after the first release.

    A window that stands open already is joined and not put off. Gives the ids of digests whose window was opened.
    """
    item = tx.catalogue.item(item_id)
    if item is None or item.withdrawn_at is not None:
        return []
    takers = [d for d in digests if Cadence.AT_ONCE in d.cadences and (not d.kinds or item.kind in d.kinds)]
    found = []
    for digest in takers:
        if tx.schedules.anyone_at_once(digest.id) and open_window(
            tx, digest.id, min(released_at, now) + wait, now + wait
        ):
            found.append(digest.id)
    return found


def catch_up_at_once(tx: Transaction, people: Iterable[Subscriber], now: datetime) -> None:
    """These people have come back, or something was carried over to their mail at once: it does not wait for the next
    release."""
    rhythms = (r for person in people if person.status is Status.ACTIVE for r in person.rhythms)
    for digest in sorted({r.digest for r in rhythms if r.cadence is Cadence.AT_ONCE and r.stopped_at is None}):
        open_window(tx, digest, now, now)


def open_window(tx: Transaction, digest: str, due_at: datetime, latest: datetime) -> bool:
    """Let the at-once mail of a digest be due at `due_at`, unless a window closes earlier; whether it was (re)opened.

    A window that stands open for later (the one for what is beyond somebody's daily cap) is brought forward: whoever
    is still beyond their cap then is put off again. `latest`: where the clock was set back, no window is put off
    beyond it.
    """
    row = tx.schedules.at_once(digest)
    if row is not None and row.due_at <= due_at:
        return False
    last = datetime.fromisoformat(row.last_occasion) if row is not None and row.last_occasion else None
    if last is not None and due_at <= last:
        # An occasion is named by its instant, and no two may share one: a second release of the same instant was
        # handled after the first one's window had closed, or the clock was set back.
        due_at = last + timedelta(microseconds=1) if last <= latest else latest
        if row is not None and row.due_at <= due_at:
            return False
    tx.schedules.open_at_once(digest, due_at)
    return True
