"""What becomes of a person who changes what they receive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.audience import Cadence, Choice, Rhythm, Subscriber, Subscription
from tribune.domain.errors import InvalidInput
from tribune.domain.preferences import (
    fingerprint,
    packed,
    unpacked,
    wish_key,
    wish_named,
    wishes_of,
    with_choice,
    with_timing,
    with_topics_only,
    with_wishes,
    without_topics,
)
from tribune.domain.tokens import Signer

EVERY = ("wages", "skills", "youth_employment")
AT = datetime(2026, 11, 23, tzinfo=UTC)


def wish(*areas: str, cadence: Cadence = Cadence.WEEKLY, places: tuple[str, ...] = ()) -> Subscription:
    return Subscription("letter", cadence, Choice(frozenset(areas), frozenset(places)))


def person(*wishes: Subscription) -> Subscriber:
    rhythms = tuple(Rhythm("letter", cadence, 1, 9, mark=7) for cadence in sorted({w.cadence for w in wishes}))
    return Subscriber(1, "a@b.co", "", "other", ("en",), "UTC", subscriptions=wishes, rhythms=rhythms)


def areas(of: Subscriber | None) -> list[set[str]]:
    assert of is not None
    return [set(s.choice.policy_areas) for s in of.subscriptions]


def test_topics_are_left_out_of_each_subscription() -> None:
    before = person(wish("wages", "skills"), wish("wages", "youth_employment", cadence=Cadence.MONTHLY))
    assert areas(without_topics(before, "letter", ["wages"], EVERY)) == [{"skills"}, {"youth_employment"}]


def test_who_wanted_any_topic_wants_all_others_then() -> None:
    assert areas(without_topics(person(wish()), "letter", ["wages"], EVERY)) == [{"skills", "youth_employment"}]


def test_a_subscription_with_nothing_left_goes_and_never_becomes_any() -> None:
    both = person(wish("wages"), wish("skills", cadence=Cadence.MONTHLY))
    after = without_topics(both, "letter", ["wages"], EVERY)
    assert areas(after) == [{"skills"}]
    assert after is not None and [r.cadence for r in after.rhythms] == [Cadence.MONTHLY]
    assert without_topics(person(wish("wages")), "letter", ["wages", "skills"], EVERY) is None
    assert without_topics(person(wish()), "letter", EVERY, EVERY) is None


def test_only_some_topics_of_any_or_of_several() -> None:
    assert areas(with_topics_only(person(wish()), "letter", ["wages"])) == [{"wages"}]
    mixed = person(wish("wages", "skills"), wish("skills", cadence=Cadence.MONTHLY))
    assert areas(with_topics_only(mixed, "letter", ["wages"])) == [{"wages"}]
    assert areas(with_topics_only(person(wish("skills", places=("SEN",))), "letter", ["wages"])) == [{"wages"}]
    assert with_topics_only(person(wish("skills", places=("SEN",))), "letter", ["wages"]).subscriptions[
        0
    ].choice.places == {"SEN"}


def test_other_digests_are_left_alone() -> None:
    other = replace(wish("wages"), digest="bulletin")
    after = without_topics(person(wish("wages", "skills"), other), "letter", ["wages"], EVERY)
    assert after is not None and other in after.subscriptions


def test_a_choice_and_a_rhythm_are_changed_by_name() -> None:
    before = person(wish("wages"), wish("skills", cadence=Cadence.MONTHLY))
    key = wish_key(before.subscriptions[0])
    assert wish_named(before, key) == before.subscriptions[0]
    after = with_choice(before, key, Choice(kinds=frozenset({"report"})))
    assert after.subscriptions[0].choice == Choice(kinds=frozenset({"report"}))
    assert wish_named(after, key) is None, "it is another one now"
    with pytest.raises(InvalidInput):
        with_choice(after, key, Choice())
    moved = with_timing(before, key, Cadence.DAILY, 3, 17, "Africa/Dakar")
    assert (moved.zone, [(r.cadence, r.hour) for r in moved.rhythms]) == (
        "Africa/Dakar",
        [(Cadence.DAILY, 17), (Cadence.MONTHLY, 9)],
    )
    assert moved.rhythms[0].mark == 7


def test_two_subscriptions_that_become_the_same_are_one() -> None:
    before = person(wish("wages"), wish("skills"))
    assert len(with_choice(before, wish_key(wish("skills")), Choice(frozenset({"wages"}))).subscriptions) == 1


def test_what_was_stopped_stays_stopped_in_another_rhythm() -> None:
    before = person(wish("wages"))
    before = replace(before, rhythms=(replace(before.rhythms[0], stopped_at=AT),))
    after = with_timing(before, wish_key(wish("wages")), Cadence.DAILY, 0, 8, "UTC")
    assert [r.stopped_at for r in after.rhythms] == [AT]


@given(st.lists(st.sets(st.sampled_from(EVERY)), min_size=1, max_size=4), st.sampled_from(list(Cadence)))
def test_undoing_gives_exactly_what_was(chosen: list[set[str]], cadence: Cadence) -> None:
    before = person(*dict.fromkeys(wish(*some, cadence=cadence) for some in chosen))
    kept = wishes_of(before, "letter")
    token = Signer({"k1": b"x" * 32}, "k1").sign("undo", 1, "letter", packed(kept), fingerprint(kept))
    assert unpacked(token.split("~")[2]) == kept
    changed = with_topics_only(before, "letter", ["wages"])
    assert with_wishes(changed, "letter", kept).subscriptions == with_wishes(before, "letter", kept).subscriptions
