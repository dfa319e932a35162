"""Go through everybody in a segment: what campaigns, posts and sessions plan with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tribune.domain.codelists import Codelists
from tribune.domain.segments import Rule
from tribune.ports.store import Transaction
from tribune.services.segments.segment_terms import segment_terms


def segment_people(
    tx: Transaction, rule: Rule, codelists: Codelists, now: datetime, *, mailable: bool = True
) -> Iterator[Sequence[int]]:
    """Their numbers, rising, in batches: each person once. `mailable` leaves out whom a mailing may not reach now
    (not active, or suppressed); who stopped one digest is not left out, for a segment is of no digest.

    Raises Conflict while the masks are out of step with the code lists.
    """
    yield from tx.segments.ids(rule, segment_terms(tx, codelists, now), mailable=mailable)
