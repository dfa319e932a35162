"""Queries of segments about people: who is in, how many, a few of them, and what rules ask of a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, cast, func, literal, select, true

from tribune.domain.audience import Cadence, Status
from tribune.domain.segment_matching import Terms
from tribune.domain.segments import Facts, Rule, Subject
from tribune.ports.segments import Count, Look
from tribune.store.masks import choice_from_json
from tribune.store.segment_sql import may_be_mailed, selects
from tribune.store.tables import engagement, marks, person_tags, rhythms, subscribers, subscriptions, suppressions

_AT_ONCE = 500
_SLICE = 50_000
_MOST_TRIED = 4_000
_GOLDEN = 2_654_435_769
_FOR_SETS = (
    "SET LOCAL work_mem = '128MB'",
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL plan_cache_mode = force_custom_plan",
)
"""For PostgreSQL: sets and joins of a million people stay in memory; parallel workers would each make every set anew,
and a count need not take all processors; each rule gets a plan of its own, however often it is asked."""


@dataclass(frozen=True, slots=True)
class Shuffle:
    """An order of the numbers below `span`, a power of two, in which neighbours are far apart: the number at a place is
    place * `step` modulo `span`, and `back` undoes it. It stays the same while the highest number is below the span."""

    span: int
    step: int
    back: int

    @classmethod
    def up_to(cls, highest: int) -> Shuffle:
        """The shuffle of the numbers up to the highest."""
        span = 1 << max(highest.bit_length(), 4)
        step = _GOLDEN % span | 1
        return cls(span, step, pow(step, -1, span))

    def number_at(self, place: int) -> int:
        return place * self.step % self.span


class SegmentPeople:
    """The part of SqlSegments that is about people."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- who is in

    def count(self, rule: Rule, terms: Terms) -> Count:
        self._set_up()
        query = select(func.count(), func.count().filter(may_be_mailed())).select_from(subscribers)
        people, reached = self._connection.execute(query.where(selects(rule, terms))).one()
        return Count(people, reached)

    def look(self, rule: Rule, terms: Terms, size: int) -> Look:
        numbers = self.count(rule, terms)
        return Look(numbers, self._few(rule, terms, min(size, numbers.people)))

    def _few(self, rule: Rule, terms: Terms, size: int) -> tuple[int, ...]:
        """The first in the order of a shuffle. Few of the people need be looked at where many are in."""
        shuffle = Shuffle.up_to(self._connection.scalar(select(func.max(subscribers.c.id))) or 1)
        found: list[int] = []
        for start in range(1, _MOST_TRIED, _AT_ONCE):
            tried = [shuffle.number_at(place) for place in range(start, start + _AT_ONCE)]
            inside = self._among(rule, terms, tried)
            found += [id for id in tried if id in inside]
            if len(found) >= size:
                return tuple(found[:size])
        place = (cast(subscribers.c.id, BigInteger) * _big(shuffle.back)).bitwise_and(_big(shuffle.span - 1))
        query = select(subscribers.c.id).where(selects(rule, terms)).order_by(place).limit(size)
        return tuple(self._connection.scalars(query))

    def ids(self, rule: Rule, terms: Terms, *, mailable: bool) -> Iterator[Sequence[int]]:
        self._set_up()
        first, last = self._connection.execute(select(func.min(subscribers.c.id), func.max(subscribers.c.id))).one()
        for start in range(first, last + 1, _SLICE) if first is not None else ():
            end = start + _SLICE - 1

            def among(id: ColumnElement[int], start: int = start, end: int = end) -> ColumnElement[bool]:
                return id.between(start, end)

            found = self._connection.scalars(
                select(subscribers.c.id)
                .where(among(subscribers.c.id), selects(rule, terms, among), may_be_mailed() if mailable else true())
                .order_by(subscribers.c.id)
            ).all()
            if found:
                yield found

    def _among(self, rule: Rule, terms: Terms, ids: Collection[int]) -> set[int]:
        """Those of these people who are in; the caller has set up."""
        found: set[int] = set()
        for batch in batches(sorted(set(ids))):

            def asked(id: ColumnElement[int], batch: Sequence[int] = batch) -> ColumnElement[bool]:
                return id.in_(batch)

            query = select(subscribers.c.id).where(asked(subscribers.c.id), selects(rule, terms, asked))
            found.update(self._connection.scalars(query))
        return found

    def _set_up(self) -> None:
        if self._connection.dialect.name == "postgresql":
            for statement in _FOR_SETS:
                self._connection.exec_driver_sql(statement)

    # -- what rules ask of a person

    def facts(self, ids: Collection[int]) -> dict[int, Facts]:
        found: dict[int, Facts] = {}
        for batch in batches(sorted(set(ids))):
            found |= self._facts(batch)
        return found

    def _facts(self, ids: Sequence[int]) -> dict[int, Facts]:
        execute = self._connection.execute
        stopped = {
            tuple(row)
            for row in execute(
                select(rhythms.c.subscriber_id, rhythms.c.digest, rhythms.c.cadence).where(
                    rhythms.c.subscriber_id.in_(ids), rhythms.c.stopped_at.is_not(None)
                )
            )
        }
        wishes: dict[int, list[Subject]] = defaultdict(list)
        for id, digest, cadence, kept in execute(
            select(
                *(subscriptions.c.subscriber_id, subscriptions.c.digest, subscriptions.c.cadence),
                subscriptions.c.choice,
            )
            .where(subscriptions.c.subscriber_id.in_(ids))
            .order_by(subscriptions.c.id)
        ):
            choice = choice_from_json(kept)
            wishes[id].append(
                Subject(
                    digest,
                    Cadence(cadence),
                    choice.places,
                    choice.policy_areas,
                    choice.kinds,
                    (id, digest, cadence) in stopped,
                )
            )
        tags: dict[int, set[str]] = defaultdict(set)
        for id, tag in execute(select(person_tags).where(person_tags.c.subscriber_id.in_(ids))):
            tags[id].add(tag)
        mailed = self._dates(
            select(marks.c.subscriber_id, func.max(marks.c.last_date))
            .where(marks.c.subscriber_id.in_(ids))
            .group_by(marks.c.subscriber_id)
        )
        seen = self._dates(
            select(engagement.c.subscriber_id, engagement.c.last_seen_on).where(engagement.c.subscriber_id.in_(ids))
        )
        never = set(
            self._connection.scalars(
                select(suppressions.c.subscriber_id).where(suppressions.c.subscriber_id.in_(ids))
            ).all()
        )
        s = subscribers.c
        return {
            id: Facts(
                id=id,
                group=group,
                languages=tuple(languages.split(",")),
                status=Status(status),
                confirmed_at=confirmed_at,
                subscriptions=tuple(wishes[id]),
                tags=frozenset(tags[id]),
                mailed=mailed.get(id),
                seen=seen.get(id),
                suppressed=id in never,
            )
            for id, group, languages, status, confirmed_at in execute(
                select(s.id, s.audience_group, s.languages, s.status, s.confirmed_at).where(s.id.in_(ids))
            )
        }

    def _dates(self, query: Select[*tuple[Any, ...]]) -> dict[int, date]:
        rows = self._connection.execute(query).all()
        return {row[0]: row[1] for row in rows if row[1] is not None}


def _big(number: int) -> ColumnElement[int]:
    return literal(number, BigInteger)


def batches(values: Sequence[int]) -> Iterator[Sequence[int]]:
    """The same values, a few hundred at once: as many as a statement may well have parameters."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
