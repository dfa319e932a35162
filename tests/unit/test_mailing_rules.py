"""The rules of mailings: which changes may be made, how quick one is, what happens to mails in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tribune.commands._mailing_views import duration, pace, percent
from tribune.commands._mailing_watch import Pace
from tribune.config import load
from tribune.domain.audience import Cadence
from tribune.domain.errors import ConfigurationError
from tribune.domain.mailings import MAILING_MOVES, DeliveryState, Mailing, MailingState
from tribune.domain.sending import InDoubt, policy_of
from tribune.services.sending.mailing_progress import MailingProgress, time_left

S = DeliveryState
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MAILING = Mailing(
    id=1,
    edition=1,
    digest="letter",
    cadence=Cadence.WEEKLY,
    occasion="2026-11-25",
    due_at=NOW,
    state=MailingState.RUNNING,
    approval="standing",
    recipients=100,
    skipped_empty=0,
    correlation_id="story",
    planned_at=NOW,
    started_at=NOW,
)


def progress(mailing: Mailing = MAILING, **states: int) -> MailingProgress:
    return MailingProgress(mailing, {S(name): number for name, number in states.items()}, {}, ())


# -- in doubt -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", list(InDoubt))
def test_the_channels_policy_holds_where_the_digest_says_nothing(channel: InDoubt) -> None:
    assert policy_of(MAILING, channel) is channel
    for own in InDoubt:
        assert policy_of(replace(MAILING, in_doubt=own.value), channel) is own


def test_the_setting_takes_what_the_rule_knows_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = {"names": {"en": "The letter"}, "sender": "letter@observatory.example"}
    assert load(digests={"letter": digest}).digests["letter"].in_doubt is None
    for told in InDoubt:
        assert load(digests={"letter": digest | {"in_doubt": told.value}}).digests["letter"].in_doubt == told
    with pytest.raises(ConfigurationError, match=r"digests\.letter\.in_doubt"):
        load(digests={"letter": digest | {"in_doubt": "hope"}})


# -- changes --------------------------------------------------------------------------------------------------


def test_nothing_comes_back_from_a_cancellation_and_nothing_leaves_unapproved() -> None:
    assert MAILING_MOVES[MailingState.CANCELLED] == frozenset()
    assert MAILING_MOVES[MailingState.FINISHED] == {MailingState.RUNNING}, "only where staff have mails tried again"
    assert MAILING_MOVES[MailingState.PLANNED] == {MailingState.APPROVED, MailingState.CANCELLED}
    open_ = [state for state, moves in MAILING_MOVES.items() if moves and state is not MailingState.FINISHED]
    assert all(MailingState.CANCELLED in MAILING_MOVES[state] for state in open_)


# -- how quick ------------------------------------------------------------------------------------------------


def test_time_that_it_was_paused_is_left_out() -> None:
    later = NOW + timedelta(seconds=100)
    assert replace(MAILING, started_at=None).running_seconds(later) == 0
    assert MAILING.running_seconds(later) == 100
    assert replace(MAILING, rested_seconds=30.0).running_seconds(later) == 70
    paused = replace(MAILING, paused_at=NOW + timedelta(seconds=40), rested_seconds=10.0)
    assert paused.running_seconds(later) == 30
    assert replace(MAILING, finished_at=NOW + timedelta(seconds=5)).running_seconds(later) == 5
    assert MAILING.running_seconds(NOW - timedelta(seconds=5)) == 0, "the clock was set back"


def test_the_rate_is_what_is_settled_over_the_time_of_sending() -> None:
    told = progress(waiting=60, in_doubt=10, sent=25, failed=3, suppressed=2, retry=4)
    later = NOW + timedelta(seconds=10)
    assert told.settled == 30
    assert told.rate(later) == 3
    assert told.remaining(later) == timedelta(seconds=70 / 3)
    assert told.rate(NOW + timedelta(seconds=0.5)) is None, "too short to say"
    assert progress(waiting=5).rate(later) is None


@pytest.mark.parametrize("state", ["paused", "planned", "approved", "cancelled", "finished"])
def test_only_what_is_being_sent_has_a_time_left(state: str) -> None:
    told = progress(replace(MAILING, state=MailingState(state)), waiting=5, sent=5)
    assert time_left(told, 1.0) is None


def test_what_is_to_be_tried_later_is_no_part_of_the_time_left() -> None:
    assert time_left(progress(retry=5, sent=5), 1.0) is None


def test_what_a_cancellation_left_behind_is_not_settled() -> None:
    told = progress(replace(MAILING, state=MailingState.CANCELLED), cancelled=60, in_doubt=10, sent=30)
    assert (told.settled, told.unmailed, told.in_doubt) == (30, 60, 10)


def test_the_recent_pace_forgets_what_is_long_ago() -> None:
    clock = [0.0]
    lately = Pace(lambda: clock[0])
    assert lately.saw(0) is None
    for settled in (100, 200, 300):
        clock[0] += 5
        rate = lately.saw(settled)
    assert rate == 20
    for _ in range(4):  # nothing leaves any more
        clock[0] += 5
        rate = lately.saw(300)
    assert rate == 0


# -- in words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "1 s"), (59, "59 s"), (60, "1 min 0 s"), (130, "2 min 10 s"), (7500, "2 h 5 min")]
)
def test_durations_in_words(seconds: float, told: str) -> None:
    assert duration(timedelta(seconds=seconds)) == told


def test_the_pace_in_words() -> None:
    assert pace(None, None) == ""
    assert pace(1234.5, timedelta(seconds=8)) == "1,234 mails/s, 8 s left"
    assert pace(0.4, None) == "0.4 mails/s"


def test_all_but_one_is_not_all() -> None:
    assert percent(progress(waiting=1, sent=999)) == "99%"
    assert percent(progress(sent=999)) == "100%"
    assert percent(progress()) == "100%"
