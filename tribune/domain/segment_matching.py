"""Whether a person is in a segment, and why: the same answer that the store gives with SQL, one person at a time. Pure.

`explain` gives a tree of findings in the shape of the rule: each condition with what was found about the person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date

from tribune.domain.codelists import Places
from tribune.domain.masks import Bits, countries
from tribune.domain.segments import (
    AllOf,
    AnyOf,
    Chosen,
    Dated,
    Everyone,
    Facts,
    HasStatus,
    InGroup,
    Moment,
    Node,
    NoneOf,
    Reads,
    Rule,
    Subject,
    Tagged,
    Wants,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule is read with: the places and their countries, the bits of codes (a code without one matches nothing),
    and today's date (UTC)."""

    places: Places
    bits: Bits
    today: date


@dataclass(frozen=True, slots=True)
class Finding:
    """A knot or condition and whether it holds. `parts`: of a knot, those below. `seen`: what of the person decided it
    (codes, languages, tags, a date), as the rule's reader would look for it. `wishes`: of `wants`, the subscriptions
    that meet it. `unlimited`: axes that those leave open, and that matched for it."""

    node: Node
    holds: bool
    parts: tuple[Finding, ...] = ()
    seen: tuple[str, ...] = ()
    wishes: tuple[Subject, ...] = ()
    unlimited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a person is in. `pinned` and `left_out` tell of people named in the rule; `found` is the tree's finding
    (None: the rule has no tree)."""

    inside: bool
    pinned: bool
    left_out: bool
    found: Finding | None


def explain(rule: Rule, facts: Facts, terms: Terms) -> Verdict:
    """Whether a person is in the segment of a rule, with what was found for each condition."""
    found = find(rule.who, facts, terms) if rule.who is not None else None
    pinned, left_out = facts.id in rule.include, facts.id in rule.exclude
    selected = pinned or (found is not None and found.holds)
    return Verdict(selected and not left_out, pinned, left_out, found)


def find(node: Node, facts: Facts, terms: Terms) -> Finding:
    """Whether a knot or condition holds of a person."""
    match node:
        case AllOf(parts):
            below = tuple(find(part, facts, terms) for part in parts)
            return Finding(node, all(part.holds for part in below), below)
        case AnyOf(parts):
            below = tuple(find(part, facts, terms) for part in parts)
            return Finding(node, any(part.holds for part in below), below)
        case NoneOf(parts):
            below = tuple(find(part, facts, terms) for part in parts)
            return Finding(node, not any(part.holds for part in below), below)
        case Everyone():
            return Finding(node, True)
        case InGroup(groups):
            return Finding(node, facts.group in groups, seen=(facts.group,))
        case HasStatus(statuses):
            return Finding(node, facts.status in statuses, seen=(facts.status.value,))
        case Reads(languages, first):
            read = facts.languages[:1] if first else facts.languages
            met = tuple(one for one in read if any(covers(wanted, one) for wanted in languages))
            return Finding(node, bool(met), seen=met or read)
        case Tagged(tags):
            borne = tuple(sorted(facts.tags.intersection(tags)))
            return Finding(node, bool(borne), seen=borne or tuple(sorted(facts.tags)))
        case Dated(what, when):
            day = _day(facts, what)
            return Finding(node, when.holds(day, terms.today), seen=(day.isoformat(),) if day else ())
        case Wants():
            return _wants(node, facts, terms)


def covers(wanted: str, language: str) -> bool:
    """Whether who reads `language` reads what a rule calls `wanted`: the same, or a regional form of it.

    Both are written as the house keeps languages: `pt-BR`, `zh-Hant`."""
    return language == wanted or language.startswith(f"{wanted}-")


def wanted_codes(axis: str, codes: Collection[str], terms: Terms) -> frozenset[str]:
    """What the codes of an axis stand for: places are expanded to countries. What has no bit matches nothing."""
    known: Mapping[str, int] = getattr(terms.bits, axis)
    expanded: Iterable[str] = countries(codes, terms.places) if axis == "places" else codes
    return frozenset(code for code in expanded if code in known)


def _day(facts: Facts, what: Moment) -> date | None:
    if what is Moment.CONFIRMED:
        return facts.confirmed.astimezone(UTC).date() if facts.confirmed else None
    return facts.mailed if what is Moment.MAILED else facts.seen


def _wants(node: Wants, facts: Facts, terms: Terms) -> Finding:
    met: list[Subject] = []
    unlimited: dict[str, None] = {}
    for wish in facts.subscriptions:
        if wish.stopped or (node.digests and wish.digest not in node.digests):
            continue
        if node.cadences and wish.cadence not in node.cadences:
            continue
        asked: tuple[tuple[str, Chosen | None, frozenset[str]], ...] = (
            ("places", node.places, wish.places),
            ("topics", node.policy_areas, wish.policy_areas),
            ("kinds", node.kinds, wish.kinds),
        )
        if all(chosen is None or _shares(axis, chosen, has, terms) for axis, chosen, has in asked):
            met.append(wish)
            unlimited |= dict.fromkeys(axis for axis, chosen, has in asked if chosen is not None and not has)
    return Finding(node, bool(met), wishes=tuple(met), unlimited=tuple(unlimited))


def _shares(axis: str, chosen: Chosen, has: frozenset[str], terms: Terms) -> bool:
    if not has:
        return chosen.unlimited
    return not wanted_codes(axis, chosen.codes, terms).isdisjoint(wanted_codes(axis, has, terms))
