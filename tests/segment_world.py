"""People of all sorts for tests of segments, and strategies that invent people and rules."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st
from sqlalchemy import update

from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Rhythm, Status, Subscriber, Subscription
from tribune.domain.segment_matching import Terms
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
from tribune.services.audience.refresh_masks import masker, refresh_masks
from tribune.services.segments.segment_terms import segment_terms
from tribune.store.tables import subscribers

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
TODAY = NOW.date()
GROUPS = ("government", "workers", "employers", "media")
LANGUAGES = ("en", "fr", "es", "pt-BR", "es-MX")
PLACES = ("PER", "BRA", "FRA", "MLI", "419", "150", "LDC", "LMC", "001")
AREAS = ("wages", "skills", "employment")
KINDS = ("report", "brief", "session")
TAGS = ("g20", "alumni", "press")
DAYS = tuple(TODAY - timedelta(days=days) for days in (0, 1, 5, 30, 31, 90, 400))


@dataclass(frozen=True)
class Person:
    """What a test says of somebody."""

    group: str = "government"
    languages: tuple[str, ...] = ("en",)
    status: Status = Status.ACTIVE
    confirmed: date = TODAY
    wishes: tuple[tuple[Cadence, Choice], ...] = ((Cadence.WEEKLY, Choice()),)
    stopped: bool = False
    tags: tuple[str, ...] = ()
    mailed: date | None = None
    seen: date | None = None
    suppressed: bool = False


def settle(app: Application, people: Iterable[Person]) -> list[int]:
    """Store them; their numbers."""
    refresh_masks(app.store, app.codelists)
    told = list(people)
    with app.store.write() as tx:
        new = [_subscriber(n, person) for n, person in enumerate(told)]
        ids = tx.audience.add(new, masker(tx, app.codelists), NOW)
        for id, person in zip(ids, told, strict=True):
            confirmed = datetime(*person.confirmed.timetuple()[:3], 12, tzinfo=UTC)
            tx.connection.execute(update(subscribers).where(subscribers.c.id == id).values(confirmed_at=confirmed))
            for tag in person.tags:
                tx.segments.tag([id], tag)
            if person.seen:
                tx.segments.saw([id], person.seen)
        for n, person in enumerate(told):
            if person.suppressed:
                tx.audience.suppress(new[n].address, "complaint", NOW)
    return ids


def terms(app: Application, now: datetime = NOW) -> Terms:
    with app.store.read() as tx:
        return segment_terms(tx, app.codelists, now)


def _subscriber(number: int, person: Person) -> Subscriber:
    cadences = dict.fromkeys(cadence for cadence, _ in person.wishes)
    return Subscriber(
        id=0,
        address=f"p{number}.{random.getrandbits(48)}@example.org",
        name=f"Person {number}",
        group=person.group,
        languages=person.languages,
        zone="Africa/Dakar",
        status=person.status,
        subscriptions=tuple(Subscription("letter", cadence, choice) for cadence, choice in person.wishes),
        rhythms=tuple(
            Rhythm(
                *("letter", cadence, 0, 8),
                last_date=person.mailed if place == 0 else None,
                stopped_at=NOW if person.stopped and place == 0 else None,
            )
            for place, cadence in enumerate(cadences)
        ),
    )


# -- what hypothesis invents


def _some(values: Iterable[str], least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(list(values)), min_size=least, max_size=most, unique=True).map(tuple)


_sets = {axis: _some(codes).map(frozenset) for axis, codes in (("p", PLACES), ("a", AREAS), ("k", KINDS))}
_choices = st.builds(Choice, _sets["a"], _sets["p"], _sets["k"])
_days = st.none() | st.sampled_from(DAYS)

persons = st.builds(
    Person,
    group=st.sampled_from(GROUPS),
    languages=_some(LANGUAGES, 1),
    status=st.sampled_from(Status),
    confirmed=st.sampled_from(DAYS),
    wishes=st.lists(st.tuples(st.sampled_from(Cadence), _choices), max_size=3).map(tuple),
    stopped=st.booleans(),
    tags=_some(TAGS),
    mailed=_days,
    seen=_days,
    suppressed=st.booleans(),
)

_dates = st.sampled_from([day + timedelta(days=more) for day in DAYS for more in (0, 1)])
_numbers = st.sampled_from([1, 5, 30, 90, 3_660])
_ranges = st.tuples(_dates, _dates).filter(lambda pair: pair[0] < pair[1])
_whens = st.one_of(
    _numbers.map(lambda days: When(within_days=days)),
    _numbers.map(lambda days: When(not_within_days=days)),
    _dates.map(lambda day: When(on_or_after=day)),
    _dates.map(lambda day: When(before=day)),
    _ranges.map(lambda pair: When(on_or_after=pair[0], before=pair[1])),
)


def _chosen(codes: Iterable[str]) -> st.SearchStrategy[Chosen]:
    return st.builds(Chosen, _some(codes), st.booleans()).filter(lambda chosen: chosen.codes or chosen.unlimited)


_wants = st.builds(
    Wants,
    st.none() | _chosen(PLACES),
    st.none() | _chosen(AREAS),
    st.none() | _chosen(KINDS),
    st.sampled_from(((), ("letter",))),
    _some(Cadence).map(lambda told: tuple(Cadence(one) for one in told)),
).filter(lambda wants: wants != Wants())

conditions: st.SearchStrategy[Node] = st.one_of(
    st.just(Everyone()),
    st.builds(InGroup, _some(GROUPS, 1)),
    st.builds(HasStatus, _some(Status, 1).map(lambda told: tuple(Status(one) for one in told))),
    st.builds(Reads, _some(("en", "fr", "es", "pt", "pt-BR", "es-MX"), 1), st.booleans()),
    st.builds(Tagged, _some(TAGS, 1)),
    _wants,
    st.builds(Dated, st.sampled_from(Moment), _whens),
    st.builds(Dated, st.sampled_from([Moment.MAILED, Moment.SEEN]), st.just(When(never=True))),
)


def _knots(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    parts = st.lists(below, min_size=1, max_size=3).map(tuple)
    return st.one_of(*(st.builds(knot, parts) for knot in (AllOf, AnyOf, NoneOf)))


_deep2 = st.one_of(conditions, _knots(conditions))
trees: st.SearchStrategy[Node] = st.one_of(conditions, _knots(_deep2), _knots(_knots(_deep2)))
_people = st.lists(st.integers(1, 12), unique=True, max_size=3)
rules = st.builds(
    lambda who, pinned, out: Rule(who, tuple(pinned), tuple(one for one in out if one not in pinned)),
    trees,
    _people,
    _people,
)
