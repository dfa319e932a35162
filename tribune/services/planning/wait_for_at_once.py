"""Open the window in which "at once" waits (decisions.md, 11): what is released meanwhile joins the same mail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from tribune.domain.audience import Cadence
from tribune.domain.digests import Digest
from tribune.ports.schedules import NEVER
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
    return [digest.id for digest in takers if _open(tx, digest.id, wait, min(released_at, now), now)]


def _open(tx: Transaction, digest: str, wait: timedelta, since: datetime, now: datetime) -> bool:
    row = tx.schedules.at_once(digest)
    if row is not None and row.due_at < NEVER:
        return False
    if not tx.schedules.anyone_at_once(digest):
        return False
    due_at = since + wait
    last = datetime.fromisoformat(row.last_occasion) if row is not None and row.last_occasion else None
    if last is not None and due_at <= last:
        # An occasion is named by its instant, and no two may share one: a second release of the same instant was
        # handled after the first one's window had closed, or the clock was set back.
        due_at = last + timedelta(microseconds=1) if last <= now + wait else now + wait
    tx.schedules.open_at_once(digest, due_at)
    return True
