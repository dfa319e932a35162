"""How many sign-ups may come from one network: a time that slides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.sign_up import Quota

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Counters:
    """What the store counts, in memory."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.asked: dict[datetime, int] = {}

    def asks(self, now: datetime) -> bool:
        until = self.quota.until(now)
        self.asked[until] = self.asked.get(until, 0) + 1
        return self.quota.holds(*self._counted(until), now)

    def again(self, now: datetime) -> datetime:
        return self.quota.again(*self._counted(self.quota.until(now)), now)

    def _counted(self, until: datetime) -> tuple[int, int]:
        return self.asked[until], self.asked.get(until - self.quota.within, 0)


def test_of_the_window_before_as_much_counts_as_is_in_sight() -> None:
    quota = Quota(100, HOUR)
    assert not quota.holds(1, 100, NOON)
    assert quota.holds(50, 100, NOON + HOUR / 2)
    assert not quota.holds(51, 100, NOON + HOUR / 2)
    assert quota.holds(100, 0, NOON)
    assert not quota.holds(101, 0, NOON + HOUR / 2)


def test_who_was_refused_before_does_not_weigh_more_than_what_was_let_through() -> None:
    assert Quota(100, HOUR).holds(50, 1_000_000, NOON + HOUR / 2)


@given(
    st.integers(1, 9),
    st.lists(st.integers(0, 2_400_000_000), min_size=1, max_size=60),
)
def test_nothing_comes_at_once_and_the_promised_instant_is_kept(number: int, waits: list[int]) -> None:
    """Whatever the pattern: in no stretch of time more pass than the number and what the stretch gives back; and
    whoever asks again when they were told is heard."""
    counters, now, passed = Counters(Quota(number, HOUR)), NOON, []
    for wait in waits:
        now += timedelta(microseconds=wait)
        if counters.asks(now):
            passed.append(now)
        else:
            again = counters.again(now)
            assert now < again <= now + 2 * HOUR
            assert not _heard(counters, again - timedelta(microseconds=1))
            assert _heard(counters, again)
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            stretch = passed[last] - begin
            if stretch < HOUR:
                assert last - first + 1 <= number + number * (stretch / HOUR), (begin, passed[last])


def _heard(counters: Counters, at: datetime) -> bool:
    trial = Counters(counters.quota)
    trial.asked = dict(counters.asked)
    return trial.asks(at)
