"""See at once who is in a segment: how many people, and a few of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tribune.domain.codelists import Codelists
from tribune.domain.segments import Facts, Rule
from tribune.ports.segments import Count
from tribune.ports.store import Transaction
from tribune.services.segments.segment_terms import segment_terms

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """How many are in, and what rules know of a few of them."""

    numbers: Count
    sample: Sequence[Facts]


def see_segment(tx: Transaction, rule: Rule, codelists: Codelists, now: datetime, size: int = SAMPLE) -> Seen:
    """Count, and take a few of the people: spread over all of them, and the same ones while the segment stays as it is.

    Raises Conflict while the masks are out of step with the code lists.
    """
    found = tx.segments.look(rule, segment_terms(tx, codelists, now), size)
    facts = tx.segments.facts(found.sample)
    return Seen(found.numbers, [facts[id] for id in found.sample])


def count_segment(tx: Transaction, rule: Rule, codelists: Codelists, now: datetime) -> Count:
    """How many people are in, and how many of them a mailing may reach now."""
    return tx.segments.count(rule, segment_terms(tx, codelists, now))
