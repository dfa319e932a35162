"""Find a saved segment by its short name."""

from __future__ import annotations

from difflib import get_close_matches

from tribune.domain.errors import NotFound
from tribune.ports.segments import Segment
from tribune.ports.store import Transaction


def find_segment(tx: Transaction, slug: str) -> Segment:
    """The segment. Raises NotFound, which names the nearest."""
    found = tx.segments.one(slug)
    if found is None:
        near = get_close_matches(slug, [one.slug for one in tx.segments.all()], n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "`tribune segments list` names those that there are."
        raise NotFound(f"There is no segment {slug!r}.", hint=hint)
    return found
