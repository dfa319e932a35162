"""How fast mail may leave: rates, shares, and rests (pure rules)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.throttling import (
    AHEAD,
    ASK_AGAIN,
    FIRST_REST,
    LONGEST_REST,
    Permit,
    Rates,
    both,
    moved_on,
    permit,
    rest,
)

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("rates", "group", "rate"),
    [
        (Rates(), "google", 0.0),
        (Rates(channel=100), "google", 0.0),  # only the channel's own
        (Rates(channel=100, share=0.25), "google", 25.0),
        (Rates(groups={"google": 20}), "google", 20.0),
        (Rates(groups={"google": 20}), "other", 0.0),
        (Rates(channel=100, share=0.25, groups={"google": 20}), "google", 20.0),
        (Rates(channel=100, share=0.25, groups={"google": 40}), "google", 25.0),
        (Rates(share=0.25, groups={"google": 40}), "google", 40.0),  # a share of no limit is none
    ],
)
def test_what_one_group_may_take(rates: Rates, group: str, rate: float) -> None:
    assert rates.of_group(group) == rate


def test_a_rate_gives_so_many_and_says_how_far_apart() -> None:
    assert permit(250, 10, None, NOW) == Permit(100, timedelta(), SECOND / 10), "ten seconds ahead, no more"
    assert permit(50, 10, None, NOW) == Permit(50, timedelta(), SECOND / 10)
    assert permit(50, 0.01, None, NOW) == Permit(1, timedelta(), 100 * SECOND), "one at least: a slow rate is one too"
    assert permit(50, 10, NOW + 5 * SECOND, NOW) == Permit(50, 5 * SECOND, SECOND / 10)
    assert permit(50, 10, NOW - 5 * SECOND, NOW).after == timedelta(), "what was not used is not made up for"
    assert permit(50, 10, NOW + AHEAD + SECOND, NOW) == Permit(0, AHEAD + SECOND)


@pytest.mark.parametrize("rate", [0.001, 0.5, 10, 5000])
def test_what_no_rate_could_have_given_out_counts_for_nothing(rate: float) -> None:
    """The clock was set back, or a very low rate was raised."""
    farthest = NOW + AHEAD + max(AHEAD, SECOND / rate)
    assert permit(1, rate, farthest, NOW) == Permit(0, min(farthest - NOW, ASK_AGAIN))
    assert permit(1, rate, farthest + timedelta(seconds=2), NOW).after == timedelta()


def test_of_two_rates_the_slower_one_holds() -> None:
    assert both(Permit(5, SECOND, SECOND), Permit(9, 2 * SECOND, SECOND / 2)) == Permit(5, 2 * SECOND, SECOND)


@given(
    rate=st.floats(0.05, 5000),
    asked=st.lists(st.tuples(st.integers(1, 250), st.integers(0, 5_000)), min_size=1, max_size=40),
)
def test_however_often_it_is_asked_no_more_leave_than_the_rate_allows(
    rate: float, asked: list[tuple[int, int]]
) -> None:
    """Whoever asks, and whenever (milliseconds after the one before): instants are given out once."""
    now, next_at = NOW, None
    given: list[tuple[datetime, datetime, int]] = []
    for wanted, later in asked:
        now += timedelta(milliseconds=later)
        told = permit(wanted, rate, next_at, now)
        if told.number:
            next_at = moved_on(told, now)
            given.append((now + told.after, next_at, told.number))
        else:
            assert told.after > AHEAD
    for (_, ends, _), (begins, _, _) in pairwise(given):
        assert begins >= ends
    total, over = sum(number for *_, number in given), (given[-1][1] - given[0][0]).total_seconds()
    assert total <= rate * over * 1.001 + 1


def test_rests_grow_and_end_growing() -> None:
    rests = [rest(failures) for failures in range(1, 20)]
    assert rests[:4] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST, 8 * FIRST_REST]
    assert rests == sorted(rests)
    assert rests[-1] == LONGEST_REST
