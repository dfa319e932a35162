"""Rules of segments as conditions of SQL. What a rule holds goes in as bound parameters, never as text.

Each condition about something that a person has several of (subscriptions, tags, marks) is "is one of those who",
`id IN (SELECT ...)`: the set is made once, however many people are asked of, and a knot joins sets. Masks are compared
word by word (tribune/domain/masks.py), so a subscription is a few instructions, without looking at its JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from tribune.domain.masks import ANY, AXES, WORD_BITS
from tribune.domain.segment_matching import Terms, wanted_codes
from tribune.domain.segments import (
    AllOf,
    AnyOf,
    Chosen,
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
    """Whether a row of `subscribers` is in; `among` narrows the inner sets to the people that are asked of."""
    chosen: ColumnElement[bool] = false() if rule.who is None else _Compiler(terms, among).node(rule.who)
    if rule.include:
        chosen = or_(chosen, subscribers.c.id.in_(rule.include))
    if rule.exclude:
        chosen = and_(chosen, subscribers.c.id.not_in(rule.exclude))
    return chosen


def may_be_mailed() -> ColumnElement[bool]:
    """Whether a row of `subscribers` may be reached by a mailing now."""
    suppressed = select(suppressions.c.subscriber_id).where(suppressions.c.subscriber_id.is_not(None))
    return and_(subscribers.c.status == "active", subscribers.c.id.not_in(suppressed))


class _Compiler:
    def __init__(self, terms: Terms, among: Among | None) -> None:
        self._terms = terms
        self._among = among

    def node(self, node: Node) -> ColumnElement[bool]:
        s = subscribers.c
        match node:
            case AllOf(parts):
                return and_(*(self.node(part) for part in parts))
            case AnyOf(parts):
                return or_(*(self.node(part) for part in parts))
            case NoneOf(parts):
                return ~or_(*(self.node(part) for part in parts)).self_group()
            case Everyone():
                return true()
            case InGroup(groups):
                return s.audience_group.in_(groups)
            case HasStatus(statuses):
                return s.status.in_([status.value for status in statuses])
            case Reads(languages, first):
                return or_(*(_reads(language.lower(), first) for language in languages))
            case Tagged(tags):
                return self._has(select(person_tags.c.subscriber_id).where(person_tags.c.tag.in_(tags)))
            case Wants():
                return self._has(self._wishes(node))
            case Dated(Moment.CONFIRMED, when):
                return self._confirmed(when)
            case Dated(what, when):
                return self._dated(what, when)

    def _has(self, people: Select[tuple[int]]) -> ColumnElement[bool]:
        if self._among is not None:
            people = people.where(self._among(people.selected_columns[0]))
        return subscribers.c.id.in_(people)

    def _wishes(self, node: Wants) -> Select[tuple[int]]:
        w = subscriptions.c
        query = select(w.subscriber_id).where(
            ~exists().where(same_rhythm(rhythms, subscriptions), rhythms.c.stopped_at.is_not(None))
        )
        for axis, chosen in (("topics", node.policy_areas), ("places", node.places), ("kinds", node.kinds)):
            if chosen is not None:
                query = query.where(self._shares(axis, chosen))
        if node.digests:
            query = query.where(w.digest.in_(node.digests))
        if node.cadences:
            query = query.where(w.cadence.in_([cadence.value for cadence in node.cadences]))
        return query

    def _shares(self, axis: str, chosen: Chosen) -> ColumnElement[bool]:
        """The subscription's mask and the rule's share a bit."""
        bits = getattr(self._terms.bits, axis)
        wanted = ANY if chosen.unlimited else 0
        for code in wanted_codes(axis, chosen.codes, self._terms):
            wanted |= 1 << bits[code]
        words = [(wanted >> WORD_BITS * n) & ((1 << WORD_BITS) - 1) for n in range(AXES[axis])]
        columns = (subscriptions.c[f"{axis}_{n}"] for n in range(AXES[axis]))
        return or_(
            false(),
            *(
                column.bitwise_and(literal(word, column.type)) != 0
                for column, word in zip(columns, words, strict=True)
                if word
            ),
        )

    def _confirmed(self, when: When) -> ColumnElement[bool]:
        column = subscribers.c.confirmed_at
        since = when.since(self._terms.today)
        if since is not None:
            return column >= _midnight(since) if when.within_days is not None else column < _midnight(since)
        begins = true() if when.on_or_after is None else column >= _midnight(when.on_or_after)
        ends = true() if when.before is None else column < _midnight(when.before)
        return and_(begins, ends)

    def _dated(self, what: Moment, when: When) -> ColumnElement[bool]:
        """A person's last date is the latest of several: it is on or after a day if one of them is."""

        def once(since: date | None) -> ColumnElement[bool]:
            person, day = (
                (marks.c.subscriber_id, marks.c.last_date)
                if what is Moment.MAILED
                else (engagement.c.subscriber_id, engagement.c.last_seen_on)
            )
            return self._has(select(person).where(day >= since if since is not None else day.is_not(None)))

        since = when.since(self._terms.today)
        if since is not None:
            return once(since) if when.within_days is not None else ~once(since)
        if when.never:
            return ~once(None)
        begun = once(when.on_or_after)
        return begun if when.before is None else and_(begun, ~once(when.before))


def _reads(language: str, first: bool) -> ColumnElement[bool]:
    # The column holds "fr,pt-BR". Rules hold letters, digits and hyphens only, so nothing in them is a sign of LIKE.
    column = func.lower(subscribers.c.languages)
    if first:
        return or_(column == language, column.startswith(f"{language},"), column.startswith(f"{language}-"))
    listed = literal(",").concat(column).concat(",")
    return or_(listed.contains(f",{language},"), listed.contains(f",{language}-"))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
