"""When to try again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.retry import EVENTS, Backoff


def test_the_waits_of_events() -> None:
    waits = [EVENTS.wait(failures) for failures in range(1, 7)]
    assert [wait and wait.total_seconds() for wait in waits] == [2, 10, 50, 250, 900, None]


def test_nothing_failed_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="0 failures"):
        EVENTS.wait(0)


@given(
    st.integers(1, 10_000),
    st.floats(0, 1),
    st.floats(1, 10),
    st.floats(0, 1),
)
def test_waits_grow_up_to_a_bound(failures: int, chance: float, factor: float, spread: float) -> None:
    policy = Backoff(attempts=20_000, factor=factor, spread=spread)
    wait, next_wait = policy.wait(failures, chance), policy.wait(failures + 1, chance)
    assert wait is not None and next_wait is not None
    assert policy.first <= wait <= next_wait <= policy.longest * (1 + spread) + timedelta(microseconds=1)


@given(st.floats(0, 1))
def test_the_spread_only_makes_longer(chance: float) -> None:
    wait = Backoff(spread=0.2).wait(1, chance)
    assert wait is not None and timedelta(seconds=2) <= wait <= timedelta(seconds=2.4)
