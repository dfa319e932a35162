"""Matching in bulk gives what the rules give person by person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tribune.codelists import load
from tribune.domain.audience import Cadence, Choice, Fallback, Subscription, frame_locale
from tribune.domain.codelists import Codelists
from tribune.domain.items import Item, LanguageVersion, Release, SessionInfo
from tribune.domain.mailings import EditionContent, FragmentKey, Shape
from tribune.domain.masks import Bits, choice_mask, codes, item_mask
from tribune.domain.matching import cadence_of, importance, showing
from tribune.ports.planning import Due, Profile, Wishes
from tribune.services.planning.edition_contents import edition_contents, group_rows
from tribune.services.planning.match_items import Candidate, match_items

NOW = datetime(2026, 11, 23, tzinfo=UTC)
AREAS = ("wages", "social_protection", "child_labour")
PLACES = ("SEN", "FRA", "KEN", "002", "150", "LIC")
KINDS = ("report", "guide", "session")
LANGUAGES = ("en", "fr", "es", "pt-BR", "ar")
ZONES = ("Africa/Dakar", "Asia/Kathmandu")


def bits_of(codelists: Codelists) -> Bits:
    return Bits(
        *({code: n for n, code in enumerate(codes(axis, codelists), 1)} for axis in ("topics", "places", "kinds"))
    )


@dataclass(frozen=True)
class Person:
    chain: tuple[tuple[str, ...], Fallback]
    zone: str
    marks: tuple[int, int, int, int]
    wishes: tuple[Subscription, ...]


def some(values: tuple[str, ...], most: int = 2) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


choices = st.builds(Choice, some(AREAS).map(frozenset), some(PLACES).map(frozenset), some(KINDS).map(frozenset))
wishes = st.builds(Subscription, st.just("d"), st.sampled_from(list(Cadence)), choices)
people = st.builds(
    Person,
    st.tuples(some(("en", "fr", "es", "pt", "ar"), 3).filter(bool), st.sampled_from(list(Fallback))),
    st.sampled_from(ZONES),
    st.tuples(*[st.integers(0, 9)] * 4),
    st.lists(wishes, min_size=1, max_size=4).map(tuple),
)


@st.composite
def some_items(draw: st.DrawFn) -> list[tuple[Item, frozenset[int]]]:
    sequences = iter(draw(st.permutations(range(1, 10))))
    found = []
    for id in range(1, draw(st.integers(1, 4)) + 1):
        languages = draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=2, unique=True))
        numbers = sorted(next(sequences) for _ in languages)
        kind = draw(st.sampled_from(KINDS))
        item = Item(
            id=id,
            version=draw(st.integers(1, 3)),
            kind=kind,
            source_language=draw(st.sampled_from(languages)),
            versions=tuple(LanguageVersion(language, "t") for language in languages),
            releases=tuple(Release(n, id, language, NOW) for n, language in zip(numbers, languages, strict=True)),
            policy_areas=draw(some(AREAS)),
            places=draw(some(PLACES)),
            session=SessionInfo(NOW.replace(tzinfo=None), "UTC", 60) if kind == "session" else None,
        )
        found.append((item, frozenset(draw(st.sets(st.sampled_from(numbers))))))
    return found


def arrays(persons: list[Person], cadence: Cadence, codelists: Codelists) -> tuple[list[Person], Due, Wishes]:
    """The people who have this cadence, as planning loads them."""
    due = [p for p in persons if any(w.cadence is cadence for w in p.wishes)]
    profiles = tuple(dict.fromkeys(Profile(*p.chain, p.zone, "other") for p in due))
    bits = bits_of(codelists)
    rows = [
        (n, w.cadence.rank, p.marks[w.cadence.rank], *choice_mask(w.choice, bits, codelists.places))
        for n, p in enumerate(due)
        for w in p.wishes
        if w.cadence.rank <= cadence.rank
    ]
    table = np.array(rows, np.int64).reshape(len(rows), 12)
    return (
        due,
        Due(
            np.arange(100, 100 + len(due)),
            np.array([p.marks[cadence.rank] for p in due], np.int64),
            np.array([profiles.index(Profile(*p.chain, p.zone, "other")) for p in due], np.int64),
            profiles,
        ),
        Wishes(table[:, 0], table[:, 1], table[:, 2], np.ascontiguousarray(table[:, 3:].T)),
    )


def candidates_of(items: list[tuple[Item, frozenset[int]]], codelists: Codelists) -> list[Candidate]:
    bits = bits_of(codelists)
    return [
        Candidate(i, i.releases, item_mask(i.policy_areas, i.places, i.kind, bits, codelists.places), again)
        for i, again in items
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(people, max_size=6), some_items(), st.sampled_from(list(Cadence)))
def test_bulk_is_the_rules_person_by_person(
    persons: list[Person], items: list[tuple[Item, frozenset[int]]], cadence: Cadence
) -> None:
    codelists = load()
    due, columns, rows = arrays(persons, cadence, codelists)
    selected = match_items(columns, rows, candidates_of(items, codelists), cadence)
    for n, person in enumerate(due):
        for m, (item, again) in enumerate(items):
            belongs = cadence_of(person.wishes, "d", item, codelists.places) is cadence
            stands = showing(item, item.releases, person.marks[cadence.rank], *person.chain, again)
            assert selected[m, n] == (belongs and stands.due)


@settings(max_examples=60, deadline=None)
@given(st.lists(people, min_size=1, max_size=8), some_items(), st.integers(1, 3), st.data())
def test_each_gets_the_content_that_is_theirs_and_equal_ones_share_a_signature(
    persons: list[Person], items: list[tuple[Item, frozenset[int]]], max_items: int, data: st.DataObject
) -> None:
    codelists = load()
    due, columns, _ = arrays(persons, Cadence.DAILY, codelists)
    found = candidates_of(items, codelists)
    told = data.draw(st.lists(st.booleans(), min_size=len(found) * len(due), max_size=len(found) * len(due)))
    selected = np.array(told, np.bool_).reshape(len(found), len(due))
    for row, candidate in zip(selected, found, strict=True):
        for n, person in enumerate(due):
            row[n] &= candidate.shown_to(person.chain) is not None
    contents = edition_contents(columns, selected, found, max_items, ("en", "fr"), "en")
    kept = [EditionContent.from_json(json.loads(text)) for text in contents.texts]
    assert len(set(kept)) == len(kept), "equal contents share a signature"
    expected = {}
    for n, person in enumerate(due):
        mine = [c for row, c in zip(selected, found, strict=True) if row[n]]
        locale = frame_locale(person.chain[0], ("en", "fr"), "en")
        keys = tuple(
            FragmentKey(
                c.item.id,
                c.item.version,
                Shape.ROW if place else Shape.LEAD,
                c.shown_to(person.chain) or "",
                locale,
                person.zone if c.item.session else "",
            )
            for place, c in enumerate(mine[:max_items])
        )
        if mine:
            expected[n] = EditionContent(locale, keys, max(len(mine) - max_items, 0))
    got = {n: kept[s] for n, s in zip(contents.people.tolist(), contents.signature.tolist(), strict=True)}
    assert got == expected
    assert [contents.locales[n] for n in contents.locale.tolist()] == [kept[s].locale for s in contents.signature]


def test_a_collision_of_hashes_does_not_join_what_differs() -> None:
    def mixed(first: int) -> int:
        number = np.uint64(first) * np.uint64(0x9E3779B97F4A7C15)
        return int(number ^ (number >> np.uint64(29)))

    with np.errstate(over="ignore"):
        other = np.int64(np.uint64(7 ^ mixed(1) ^ mixed(2)).astype(np.int64))
    keys = np.array([[1, 7], [2, other], [1, 7]], np.int64)
    first, group = group_rows(keys)
    assert len(first) == 2, "two rows that differ, with the same hash"
    assert group[0] == group[2] != group[1]
    assert np.array_equal(keys[first][group], keys)


def test_the_most_important_stands_first_and_the_newest_within_a_kind() -> None:
    def item(
        name: str, kind: str, sequence: int, published: date | None = None, starts: datetime | None = None
    ) -> None:
        info = starts and SessionInfo(starts, "UTC", 60)
        release = Release(sequence, sequence, "en", NOW)
        work = Item(sequence, 1, kind, "en", (), releases=(release,), published_on=published, session=info or None)
        keys[name] = importance(work, (release,), NOW)

    keys: dict[str, tuple[int, float, int]] = {}
    item("guide", "guide", 9)
    item("standard", "standard", 8, date(2026, 11, 22))
    item("old report, told last", "report", 7, date(2019, 5, 1))
    item("report", "report", 2, date(2026, 11, 20))
    item("report of the same day", "report", 3, date(2026, 11, 20))
    item("report of a day to come", "report", 4, date(2099, 1, 1))
    item("figures", "data_release", 1, date(2026, 11, 1))
    item("late session", "session", 6, starts=datetime(2026, 12, 24, 10))  # noqa: DTZ001 - wall-clock time
    item("session", "session", 5, starts=datetime(2026, 11, 28, 10))  # noqa: DTZ001 - wall-clock time
    assert sorted(keys, key=keys.__getitem__) == [
        "session",
        "figures",
        "report of a day to come",
        "report of the same day",
        "report",
        "old report, told last",
        "standard",
        "guide",
        "late session",
    ]
