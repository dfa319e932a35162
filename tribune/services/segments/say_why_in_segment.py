"""Say why a person is in a segment, or why not: each condition, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tribune.domain.codelists import Codelists
from tribune.domain.errors import NotFound
from tribune.domain.segment_matching import Verdict, explain
from tribune.domain.segments import Facts, Rule
from tribune.ports.store import Transaction
from tribune.services.segments.segment_terms import segment_terms


@dataclass(frozen=True, slots=True)
class Why:
    """The verdict on a person, and the facts that it rests on."""

    facts: Facts
    verdict: Verdict


def say_why_in_segment(tx: Transaction, rule: Rule, person: int, codelists: Codelists, now: datetime) -> Why:
    """Why they are in, or not. Raises NotFound for who is no subscriber."""
    facts = tx.segments.facts([person]).get(person)
    if facts is None:
        raise NotFound(f"There is no subscriber {person}.", hint="Give a number that the people page shows.")
    return Why(facts, explain(rule, facts, segment_terms(tx, codelists, now)))
