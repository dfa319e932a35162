"""Archive a segment, so that it is offered no longer; or take it back into use."""

from __future__ import annotations

from datetime import datetime

from tribune.ports.segments import SEGMENTS, Segment
from tribune.ports.store import Transaction
from tribune.services.segments.find_segment import find_segment


def archive_segment(tx: Transaction, slug: str, actor: str, now: datetime) -> Segment:
    """Archive it; a second time changes nothing. Raises NotFound."""
    return _move(tx, slug, now, "segment.archived", actor, now)


def restore_segment(tx: Transaction, slug: str, actor: str, now: datetime) -> Segment:
    """Take it back into use; a second time changes nothing. Raises NotFound."""
    return _move(tx, slug, None, "segment.restored", actor, now)


def _move(tx: Transaction, slug: str, to: datetime | None, action: str, actor: str, now: datetime) -> Segment:
    tx.lock(SEGMENTS)
    kept = find_segment(tx, slug)
    if (kept.archived_at is None) == (to is None):
        return kept
    tx.segments.archive(kept.id, to)
    tx.audit.add(actor, action, f"segment/{kept.id}", {"slug": slug}, now)
    return find_segment(tx, slug)
