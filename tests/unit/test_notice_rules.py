"""Notices: limits, what becomes of one, when it is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tribune.domain.errors import DeliveryError, Permanent, Retryable, Throttled, UnknownOutcome
from tribune.domain.notices import (
    REST,
    RETRY_DELAYS,
    RULES,
    Notice,
    NoticeKind,
    NoticeState,
    NoticeVerdict,
    given_back,
    judge_notice,
    longest_limit,
    may_be_requested,
    settled_unsent,
)
from tribune.domain.sending import MAX_HANDOVERS, InDoubt

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
KIND = NoticeKind.PREFERENCES_LINK
S = NoticeState


def claimed(attempts: int = 1, handovers: int = 1, age: timedelta = timedelta()) -> Notice:
    """A notice in the hands of a sender."""
    return Notice(
        id=31,
        subscriber=412,
        kind=KIND,
        locale="fr",
        content={"digest": "letter"},
        state=S.IN_DOUBT,
        correlation_id="story",
        created_at=NOW - age,
        attempts=attempts,
        handovers=handovers,
        epoch=attempts,
        next_attempt_at=NOW + timedelta(minutes=2),
    )


def judged(error: DeliveryError | None, policy: InDoubt = InDoubt.SEND_AGAIN, **more: int) -> NoticeVerdict:
    return judge_notice(claimed(**more), error, policy=policy, now=NOW)  # type: ignore[arg-type]


def test_the_four_ways_not_to_leave_end_differently_and_sooner_than_a_delivery() -> None:
    assert judged(None) == NoticeVerdict(S.SENT, "", 1, 0)
    assert judged(Permanent("no", code="550 5.1.1")) == NoticeVerdict(S.FAILED, "550 5.1.1", 1, 0)
    assert judged(Retryable("later", code="450")) == NoticeVerdict(S.RETRY, "450", 1, 0, NOW + timedelta(seconds=30))
    assert judged(Throttled("slowly", code="421")) == NoticeVerdict(S.RETRY, "421", 0, 0, NOW + REST)
    unknown = judged(UnknownOutcome("?", code="no answer"))
    assert unknown == NoticeVerdict(S.RETRY, "no answer", 1, 1, NOW + timedelta(seconds=30))


def test_a_wait_that_the_server_names_is_kept() -> None:
    verdict = judge_notice(
        claimed(), Throttled("slowly"), policy=InDoubt.SEND_AGAIN, now=NOW, rest=timedelta(minutes=7)
    )
    assert verdict.next_attempt_at == NOW + timedelta(minutes=7)


def test_the_waits_grow_and_end() -> None:
    verdicts = [judged(Retryable("later", code="450"), attempts=n) for n in range(1, len(RETRY_DELAYS) + 2)]
    assert [v.next_attempt_at and v.next_attempt_at - NOW for v in verdicts] == [*RETRY_DELAYS, None]
    assert (verdicts[-1].state, verdicts[-1].code) == (S.FAILED, "450 (given up)")
    assert sum(RETRY_DELAYS, timedelta()) < RULES[KIND].useful_for


def test_doubt_ends_in_quarantine() -> None:
    unknown = UnknownOutcome("?", code="no answer")
    states = [judged(unknown, attempts=n, handovers=n).state for n in range(1, MAX_HANDOVERS + 1)]
    assert states == [S.RETRY] * (MAX_HANDOVERS - 1) + [S.QUARANTINED]
    assert judged(unknown, policy=InDoubt.QUARANTINE).state is S.QUARANTINED
    assert judged(unknown, attempts=len(RETRY_DELAYS) + 1).state is S.QUARANTINED, "not failed: it may have left"


def test_a_notice_that_is_itself_told_to_slow_down_has_been_tried() -> None:
    told = Throttled("slowly", code="451", of_mail=True)
    assert judged(told) == NoticeVerdict(S.RETRY, "451", 1, 0, NOW + REST + RETRY_DELAYS[0])
    last = judged(told, attempts=len(RETRY_DELAYS) + 1)
    assert isinstance(last, NoticeVerdict)
    assert (last.state, last.code) == (S.FAILED, "451 (given up)")


def test_a_throttled_channel_costs_no_attempt() -> None:
    for attempts in (1, 4, len(RETRY_DELAYS) + 1):
        verdict = judged(Throttled("slowly"), attempts=attempts, handovers=2)
        assert (verdict.state, verdict.attempts, verdict.handovers) == (S.RETRY, attempts - 1, 1)


def test_what_was_not_handed_over_is_as_before() -> None:
    assert given_back(claimed(attempts=3, handovers=2), NOW) == NoticeVerdict(S.RETRY, "", 2, 1, NOW)


def test_it_expires_when_it_is_of_no_use_any_more() -> None:
    useful = RULES[KIND].useful_for
    assert settled_unsent(claimed(age=useful - timedelta(seconds=1)), InDoubt.SEND_AGAIN, NOW) is None
    late = settled_unsent(claimed(age=useful, attempts=4), InDoubt.SEND_AGAIN, NOW)
    assert late == NoticeVerdict(S.FAILED, "expired: too late to be of use", 3, 0)
    doubtful = settled_unsent(claimed(age=useful, attempts=2, handovers=2), InDoubt.SEND_AGAIN, NOW)
    assert doubtful is not None
    assert doubtful.state is S.QUARANTINED, "a sender that died with it may have sent it"


def test_three_dead_senders_are_enough_and_one_where_the_channel_says_so() -> None:
    assert settled_unsent(claimed(handovers=MAX_HANDOVERS), InDoubt.SEND_AGAIN, NOW) is None
    given_up = settled_unsent(claimed(4, MAX_HANDOVERS + 1), InDoubt.SEND_AGAIN, NOW)
    assert given_up == NoticeVerdict(S.QUARANTINED, "no answer after 3 attempts", 3, 3)
    assert settled_unsent(claimed(handovers=1), InDoubt.QUARANTINE, NOW) is None
    second = settled_unsent(claimed(handovers=2), InDoubt.QUARANTINE, NOW)
    assert second is not None
    assert second.state is S.QUARANTINED


def test_nobody_is_flooded() -> None:
    hour, day = RULES[KIND].limits
    assert longest_limit(KIND) == day.within
    just_now = [NOW - timedelta(minutes=1)] * (hour.number - 1)
    assert may_be_requested(KIND, just_now, NOW)
    assert not may_be_requested(KIND, [*just_now, NOW], NOW)
    assert may_be_requested(KIND, [NOW - hour.within] * hour.number, NOW), "an hour later"
    today = [NOW - timedelta(hours=2 * n) for n in range(1, day.number + 1)]
    assert not may_be_requested(KIND, today, NOW)
    assert may_be_requested(KIND, [NOW - day.within] * 20, NOW)


@pytest.mark.parametrize("state", NoticeState)
def test_settled_states_are_those_from_which_nothing_goes_on(state: NoticeState) -> None:
    assert state.settled is (state not in (S.WAITING, S.IN_DOUBT, S.RETRY))


def test_its_name_is_no_delivery_s_and_its_message_id_no_other_store_s() -> None:
    from tribune.ports.caught import CaughtMail

    one = claimed()
    assert one.name == "n.31"
    assert CaughtMail(one.name, "", "", "", "fr", NOW).mailing is None
    assert replace(one, created_at=NOW + timedelta(milliseconds=1)).unique != one.unique
    assert replace(one, attempts=2, epoch=9, state=S.RETRY).unique == one.unique
