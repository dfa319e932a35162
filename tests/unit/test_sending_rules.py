"""The pure rules of sending: marks, judgements, retries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.errors import DeliveryError, Permanent, Retryable, Throttled, UnknownOutcome
from tribune.domain.mailings import CHUNK_SIZE, WINDOW, DeliveryState
from tribune.domain.sending import (
    MAX_HANDOVERS,
    RETRY_DELAYS,
    THROTTLE_DELAY,
    InDoubt,
    Marks,
    Verdict,
    judge,
    retry_delay,
    suppresses,
)

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def test_a_chunk_goes_by_in_whole_windows() -> None:
    marks = Marks(CHUNK_SIZE + 3)
    windows = []
    while not marks.finished:
        marks = marks.opened()
        windows.append((marks.sent, marks.doubt))
        marks = marks.reached(marks.doubt)
    assert windows == [(0, 250), (250, 500), (500, 503)]


def test_what_a_dead_sender_left_is_opened_again_and_counted() -> None:
    left = Marks(500, sent=250, doubt=500, handovers=1)
    again = left.opened()
    assert (again.sent, again.doubt, again.handovers) == (250, 500, 2)
    assert again.reached(500).finished


def test_what_was_not_touched_waits_again() -> None:
    assert Marks(500).opened().reached(100) == Marks(500, 100, 100, 0)


def test_what_an_earlier_sender_may_have_sent_stays_in_doubt_with_its_count() -> None:
    again = Marks(500, 0, 250, 1).opened()
    assert again.reached(100) == Marks(500, 100, 250, 1)
    assert again.reached(100).opened().handovers == 2


def test_a_mark_never_leaves_the_window() -> None:
    for place in (-1, 251):
        with pytest.raises(ValueError, match="not within"):
            Marks(500).opened().reached(place)


@given(st.integers(0, 700), st.lists(st.tuples(st.sampled_from(["reached", "crash", "give up"]), st.integers(0, 250))))
def test_marks_stay_in_order_and_doubt_stays_in_one_window(size: int, moves: list[tuple[str, int]]) -> None:
    """Whatever happens: 0 <= sent <= doubt <= size, sent only grows, and at most one window is ever in doubt."""
    marks = Marks(size)
    for move, number in moves:
        if marks.finished:
            break
        opened = marks.opened()
        before = marks.sent
        if move == "reached":
            marks = opened.reached(min(opened.sent + number, opened.doubt))
        elif move == "give up":
            marks = opened.given_up()
        else:
            marks = opened
        assert before <= marks.sent <= marks.doubt <= size
        assert marks.doubt - marks.sent <= WINDOW
        assert (marks.handovers > 0) == marks.in_doubt


def judged(error: DeliveryError | None, attempts: int = 1, handovers: int = 1) -> Verdict | None:
    return judge(7, error, policy=InDoubt.SEND_AGAIN, now=NOW, attempts=attempts, handovers=handovers)


def test_the_four_ways_not_to_leave_end_differently() -> None:
    assert judged(None) is None
    assert judged(Permanent("no", code="550 5.1.1")) == Verdict(7, DeliveryState.FAILED, "550 5.1.1", 1, 0)
    assert judged(Retryable("later", code="450")) == Verdict(
        7, DeliveryState.RETRY, "450", 1, 0, NOW + timedelta(minutes=5)
    )
    assert judged(Throttled("slowly", code="421")) == Verdict(7, DeliveryState.RETRY, "421", 0, 0, NOW + THROTTLE_DELAY)
    assert judged(UnknownOutcome("?", code="no answer")) == Verdict(
        7, DeliveryState.RETRY, "no answer", 1, 1, NOW + timedelta(minutes=5)
    )


def test_retries_end_after_a_day_as_failures() -> None:
    waits = [retry_delay(attempts) for attempts in range(1, 9)]
    assert waits[: len(RETRY_DELAYS)] == list(RETRY_DELAYS)
    assert waits[len(RETRY_DELAYS) :] == [None, None]
    assert timedelta(hours=12) < sum(RETRY_DELAYS, timedelta()) < timedelta(days=1)
    last = judged(Retryable("later", code="450"), attempts=len(RETRY_DELAYS) + 1)
    assert last is not None
    assert (last.state, last.code) == (DeliveryState.FAILED, "450 (given up)")


def test_doubt_ends_in_quarantine_after_three_hand_overs_or_at_once_where_the_channel_says_so() -> None:
    unknown = UnknownOutcome("?", code="no answer")
    states = [judged(unknown, handovers=n, attempts=n) for n in range(1, MAX_HANDOVERS + 1)]
    assert [verdict.state.value if verdict else "" for verdict in states] == ["retry", "retry", "quarantined"]
    at_once = judge(7, unknown, policy=InDoubt.QUARANTINE, now=NOW)
    assert at_once is not None
    assert at_once.state is DeliveryState.QUARANTINED


def test_a_mail_that_is_told_to_slow_down_comes_after_the_rest_and_its_wait_and_ends_as_any_other() -> None:
    told = Throttled("slowly", code="451", of_mail=True)
    for attempts, delay in enumerate(RETRY_DELAYS, 1):
        wanted = Verdict(7, DeliveryState.RETRY, "451", attempts, 0, NOW + THROTTLE_DELAY + delay)
        assert judged(told, attempts=attempts) == wanted
    last = judged(told, attempts=len(RETRY_DELAYS) + 1, handovers=2)
    assert last == Verdict(7, DeliveryState.FAILED, "451 (given up)", len(RETRY_DELAYS) + 1, 1)


def test_a_throttled_channel_never_costs_an_attempt() -> None:
    for attempts in (1, 3, len(RETRY_DELAYS) + 1):
        verdict = judged(Throttled("slowly"), attempts=attempts, handovers=2)
        assert verdict is not None
        assert (verdict.state, verdict.attempts, verdict.handovers) == (DeliveryState.RETRY, attempts - 1, 1)


@pytest.mark.parametrize(
    ("code", "gone"),
    [
        ("550 5.1.1 no such user", True),
        ("550 5.1.10 null MX", True),
        ("553 5.1.3 bad syntax", True),
        ("550 5.2.1 disabled", True),
        ("551 5.1.6 moved", True),
        ("550 5.7.1 spam", False),
        ("554 5.1.8 bad sender", False),
        ("550 no such user", False),
        ("550 5.1.11 what", False),
        ("450 4.1.1 later", False),
        ("550 15.1.1", False),
        ("554 5.7.1 Message refused by MailGuard 5.2.1 (policy)", False),
        ("550 5.7.1 Blocked, see https://x.example/kb/5.1.1", False),
        ("550 5.7.26 unauthenticated; upstream said 5.1.1", False),
        ("550 see 5.1.1", False),
        ("553 5.1.3 not an address (refused here)", True),
    ],
)
def test_only_answers_about_the_address_suppress_it(code: str, gone: bool) -> None:
    assert suppresses(code) is gone
