"""Rules of segments as conditions of SQL. What a rule holds goes in as bound parameters, never as text.

Whatever a person has several of (subscriptions, tags, marks) is asked for with EXISTS. A negation is carried down to
the conditions, because a database makes a join only of an EXISTS or NOT EXISTS that stands under AND by itself; below
an OR it looks into a set that it makes once (docs/adr/0025). Masks are compared word by word
(tribune/domain/masks.py): a subscription costs a few instructions, and its JSON is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

from sqlalchemy import ColumnElement, Select, and_, exists, false, literal, not_, or_, select, true

from tribune.domain.audience import Status
from tribune.domain.masks import ANY, AXES, WORD_BITS
from tribune.domain.segment_matching import Terms, wanted_codes
from tribune.domain.segments import (
    AllOf,
    AnyOf,
    Chosen,
    Condition,
    Dated,
    Everyone,
    HasStatus,
    InGroup,
    Moment,
    Node,
    NoneOf,
    Reads,
    Rule,
    Tagged,
    Wants,
    When,
)
from tribune.store.due_people import same_rhythm
from tribune.store.tables import engagement, marks, person_tags, rhythms, subscribers, subscriptions, suppressions

Among = Callable[[ColumnElement[int]], ColumnElement[bool]]
"""Which people a query is about, as a condition on the column of their ids."""


def selects(rule: Rule, terms: Terms, among: Among | None = None) -> ColumnElement[bool]:
    """Whether a row of `subscribers` is in; `among` narrows what is looked at to the people that are asked of."""
    chosen = false() if rule.who is None else _Compiler(terms, among).node(rule.who)
    if rule.include:
        chosen = or_(chosen, subscribers.c.id.in_(rule.include))
    return and_(chosen, subscribers.c.id.not_in(rule.exclude)) if rule.exclude else chosen


def may_be_mailed() -> ColumnElement[bool]:
    """Whether a row of `subscribers` may be reached by a mailing now."""
    suppressed = select(suppressions.c.subscriber_id).where(suppressions.c.subscriber_id.is_not(None))
    return and_(subscribers.c.status == "active", subscribers.c.id.not_in(suppressed))


class _Compiler:
    def __init__(self, terms: Terms, among: Among | None) -> None:
        self._terms = terms
        self._among = among

    def node(self, node: Node, yes: bool = True) -> ColumnElement[bool]:
        """Whether the node holds, or with `yes` False does not."""
        match node:
            case AllOf(parts):
                every, inner = yes, yes
            case AnyOf(parts):
                every, inner = not yes, yes
            case NoneOf(parts):
                every, inner = yes, not yes
            case _:
                return self._condition(node, yes)
        told = [self.node(part, inner) for part in parts]
        return and_(true(), *told) if every else or_(false(), *told)

    def _condition(self, node: Condition, yes: bool) -> ColumnElement[bool]:
        match node:
            case Everyone():
                return true() if yes else false()
            case Tagged(tags):
                return self._has(person_tags.c.subscriber_id, yes, person_tags.c.tag.in_(tags))
            case Wants():
                return self._has(subscriptions.c.subscriber_id, yes, *self._wishes(node))
            case Dated(Moment.MAILED | Moment.SEEN as what, when):
                return self._dated(what, when, yes)
            case _:
                found = self._plain(node)
                return found if yes else not_(found)

    def _has(self, person: ColumnElement[int], yes: bool, *which: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether the person has such a row in another table (`person`: the column of its people)."""
        rows: Select[int] = select(person).where(person == subscribers.c.id, *which)
        if self._among is not None:
            rows = rows.where(self._among(person))
        found = rows.correlate(subscribers).exists()
        return found if yes else ~found

    # -- what is looked up in other tables

    def _wishes(self, node: Wants) -> list[ColumnElement[bool]]:
        w = subscriptions.c
        told = [~exists().where(same_rhythm(rhythms, subscriptions), rhythms.c.stopped_at.is_not(None))]
        for axis, chosen in (("topics", node.policy_areas), ("places", node.places), ("kinds", node.kinds)):
            if chosen is not None:
                told.append(self._shares(axis, chosen))
        if node.digests:
            told.append(w.digest.in_(node.digests))
        if node.cadences:
            told.append(w.cadence.in_([cadence.value for cadence in node.cadences]))
        return told

    def _shares(self, axis: str, chosen: Chosen) -> ColumnElement[bool]:
        """The subscription's mask and the rule's share a bit."""
        bits = getattr(self._terms.bits, axis)
        wanted = ANY if chosen.unlimited else 0
        for code in wanted_codes(axis, chosen.codes, self._terms):
            wanted |= 1 << bits[code]
        shared = []
        for n in range(AXES[axis]):
            word = (wanted >> WORD_BITS * n) & ((1 << WORD_BITS) - 1)
            column = subscriptions.c[f"{axis}_{n}"]
            if word:
                shared.append(column.bitwise_and(literal(word, column.type)) != 0)
        return or_(false(), *shared)

    def _dated(self, what: Moment, when: When, yes: bool) -> ColumnElement[bool]:
        """A person's last date is the latest of several: it is on or after a day if one of them is."""
        if what is Moment.MAILED:
            person, day = marks.c.subscriber_id, marks.c.last_date
        else:
            person, day = engagement.c.subscriber_id, engagement.c.last_seen_on

        def since(first: date | None, yes: bool) -> ColumnElement[bool]:
            return self._has(person, yes, day.is_not(None) if first is None else day >= first)

        recent = when.since(self._terms.today)
        if recent is not None:
            return since(recent, yes is (when.within_days is not None))
        if when.never:
            return since(None, not yes)
        begun = since(when.on_or_after, yes)
        if when.before is None:
            return begun
        return and_(begun, since(when.before, False)) if yes else or_(begun, since(when.before, True))

    # -- what stands in the row itself

    def _plain(self, node: Condition) -> ColumnElement[bool]:
        match node:
            case InGroup(groups):
                return subscribers.c.audience_group.in_(groups)
            case HasStatus(statuses):
                return subscribers.c.status.in_([status.value for status in statuses])
            case Reads(languages, first):
                return or_(*(_reads(subscribers.c.languages, language, first) for language in languages))
            case Dated(_, when):
                return self._confirmed(when)
            case _:
                raise AssertionError(node)

    def _confirmed(self, when: When) -> ColumnElement[bool]:
        """Until somebody has confirmed, the column holds when they signed up."""
        never, column = subscribers.c.status == Status.PENDING.value, subscribers.c.confirmed_at
        since = when.since(self._terms.today)
        if since is not None and when.not_within_days is not None:
            return or_(never, column < _midnight(since))
        begins, ends = since or when.on_or_after, when.before
        told = [column >= _midnight(begins)] if begins else []
        told += [column < _midnight(ends)] if ends else []
        return and_(not_(never), *told)


def _reads(column: ColumnElement[str], language: str, first: bool) -> ColumnElement[bool]:
    # The column holds "fr,pt-BR". A rule's languages are letters, digits and hyphens: no sign of LIKE is among them.
    begins = (column == language, column.like(f"{language},%"), column.like(f"{language}-%"))
    if first:
        return or_(*begins)
    return or_(*begins, *(column.like(f"%,{language}{end}") for end in ("", ",%", "-%")))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
