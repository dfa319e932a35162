"""Notices: what did not leave comes back, and what dies or stalls on the way loses none."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes

import pytest
from sqlalchemy import delete, update

import scheduler
from consumers.notices import sender_of
from tests.mailing_world import Killed
from tests.notice_world import Scripted, ask, channel, events_of, one, over, passes, work
from tribune.bootstrap import Application
from tribune.domain.errors import ConfigurationError, Permanent, Retryable, Throttled, UnknownOutcome
from tribune.domain.notices import LEASE, RETRY_DELAYS, WATCH, NoticeState
from tribune.domain.sending import MAX_HANDOVERS, InDoubt
from tribune.ports.clock import StoppedClock
from tribune.services.notices.send_notices import send_notice
from tribune.store.tables import people

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
S = NoticeState


# -- what comes back ------------------------------------------------------------------------------------------


def test_a_busy_server_is_asked_again_soon(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    channel.says = [Retryable("later", code="450"), UnknownOutcome("?", code="no answer"), None]
    ask(app)
    work(app)
    assert (one(app).state, one(app).attempts, one(app).handovers) == (S.RETRY, 1, 0)
    assert passes(app, clock, RETRY_DELAYS[0] - timedelta(seconds=1)) == 0
    assert passes(app, clock, timedelta(seconds=1)) == 1
    assert (one(app).state, one(app).attempts, one(app).handovers) == (S.RETRY, 2, 1)
    assert passes(app, clock, RETRY_DELAYS[1]) == 1
    assert (one(app).state, one(app).attempts, one(app).handovers) == (S.SENT, 3, 0)
    assert len({mail.content for mail in channel.handed}) == 1, "the same mail, with the same Message-ID"


def test_after_the_last_attempt_it_failed(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    channel.says = [Retryable("later", code="450")] * 20
    ask(app)
    work(app)
    for wait in (*RETRY_DELAYS, timedelta(days=1)):
        passes(app, clock, wait)
    assert (one(app).state, one(app).code) == (S.FAILED, "450 (given up)")
    assert len(channel.handed) == len(RETRY_DELAYS) + 1


def test_a_server_that_is_away_costs_no_attempt_until_it_is_too_late(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    channel.says = [Throttled("nobody answers", code="connection refused")] * 30
    channel.wait = timedelta(hours=1)
    ask(app)
    work(app)
    assert (one(app).state, one(app).attempts) == (S.RETRY, 0)
    for _ in range(24 - 1):
        assert passes(app, clock, timedelta(hours=1)) == 1
    assert one(app).state is S.RETRY
    handed = len(channel.handed)
    passes(app, clock, timedelta(hours=1))
    assert (one(app).state, one(app).code) == (S.FAILED, "expired: too late to be of use")
    assert len(channel.handed) == handed


def test_an_event_that_was_lost_loses_no_notice(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    with app.store.write() as tx:
        tx.connection.execute(delete(events_of(app)))
    clock.move(WATCH - timedelta(seconds=1))
    assert scheduler.notices(app) == 0
    assert passes(app, clock, timedelta(seconds=1)) == 1
    assert one(app).state is S.SENT


def test_a_notice_is_given_out_once_whoever_asks(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    clock.move(WATCH)
    assert scheduler.notices(app) == 1
    assert scheduler.notices(app) == 0
    work(app)
    assert len(channel.handed) == 1


# -- kills and stalls -----------------------------------------------------------------------------------------


def test_killed_between_claim_and_handover(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    channel.before = _die
    with pytest.raises(Killed):
        work(app)
    assert one(app).state is S.IN_DOUBT
    channel.before = lambda: None
    assert work(app) == 1, "its event comes again, and finds it taken"
    assert channel.handed == []
    assert passes(app, clock, LEASE - timedelta(seconds=1)) == 0
    assert passes(app, clock, timedelta(seconds=1)) == 1
    assert (one(app).state, one(app).attempts) == (S.SENT, 2)
    assert len(channel.handed) == 1


def test_killed_between_hand_over_and_settling(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    channel.after = _die
    with pytest.raises(Killed):
        work(app)
    channel.after = lambda: None
    assert passes(app, clock, LEASE) == 1
    assert one(app).state is S.SENT
    first, second = (message_from_bytes(mail.content)["Message-ID"] for mail in channel.handed)
    assert first == second


def test_what_kills_every_sender_is_quarantined(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    channel.after = _die
    for _ in range(MAX_HANDOVERS):
        with pytest.raises(Killed):
            work(app)
        clock.move(LEASE)
        scheduler.notices(app)
    work(app)
    done = one(app)
    assert (done.state, done.code) == (S.QUARANTINED, "no answer after 3 attempts")
    assert len(channel.handed) == MAX_HANDOVERS
    assert done.next_attempt_at is None


def test_a_channel_that_must_not_repeat_is_asked_once(app: Application, clock: StoppedClock, channel: Scripted) -> None:
    channel.in_doubt = InDoubt.QUARANTINE
    ask(app)
    channel.after = _die
    with pytest.raises(Killed):
        work(app)
    channel.after = lambda: None
    passes(app, clock, LEASE)
    assert one(app).state is S.QUARANTINED
    assert len(channel.handed) == 1


def test_a_channel_that_breaks_off_is_told_and_does_not_stop_the_lane(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    channel.says = [RuntimeError("it fell over")]
    ask(app)
    work(app)
    ask(app, person=2)
    work(app)
    assert (one(app).state, one(app).code) == (S.RETRY, "no answer: RuntimeError")
    assert one(app, 2).state is S.SENT
    passes(app, clock, timedelta(minutes=1))
    assert one(app).state is S.SENT


def test_a_sender_that_was_stopped_sends_nothing_once_it_is_late(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    """SIGSTOP between claim and hand-over: it sees by its own clock that it is late, and another sends it."""
    ask(app)
    channel.before = lambda: clock.move(LEASE)
    state = send_notice(sender_of(app), 1)
    assert state is S.RETRY
    assert channel.handed == []
    channel.before = lambda: None
    passes(app, clock, timedelta())
    assert (one(app).state, one(app).attempts) == (S.SENT, 1)


def test_a_sender_that_was_stopped_while_sending_writes_nothing_over_another_s_outcome(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    ask(app)
    other = Scripted()

    def stopped_meanwhile() -> None:
        clock.move(LEASE)
        scheduler.notices(app)
        assert send_notice(over(app, other), 1) is S.SENT

    channel.after = stopped_meanwhile
    channel.says = [Permanent("no", code="550 5.1.1")]
    assert send_notice(sender_of(app), 1) is None
    assert one(app).state is S.SENT
    channel.after = lambda: None
    ask(app)
    work(app)
    assert one(app, 2).state is S.SENT, "nor is the address suppressed"


def test_a_process_that_is_to_end_gives_it_back(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    ask(app)
    app.stopping.set()
    assert send_notice(sender_of(app), 1) is S.RETRY
    assert channel.handed == []
    app.stopping.clear()
    passes(app, clock, timedelta())
    assert (one(app).state, one(app).attempts) == (S.SENT, 1)


def test_what_cannot_be_made_is_left_to_staff_and_told_without_values(
    app: Application, channel: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    with app.store.write() as tx:
        tx.connection.execute(update(people).where(people.c.id == 1).values(address="secret person@example.org"))
    ask(app)
    ask(app, person=2)
    work(app)
    assert one(app).state is S.QUARANTINED
    assert one(app).code.startswith("cannot be made: An address holds")
    assert one(app, 2).state is S.SENT
    assert "secret" not in capsys.readouterr().out + one(app).code


def test_wrong_settings_stop_the_process_and_lose_nothing(
    app: Application, channel: Scripted, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise ConfigurationError("locales: there is no folder")

    ask(app)
    with monkeypatch.context() as patch:
        patch.setattr(app.notice_composer, "compose", broken)
        with pytest.raises(ConfigurationError):
            work(app)
    passes(app, clock, LEASE)
    assert one(app).state is S.SENT


def _die() -> None:
    raise Killed
