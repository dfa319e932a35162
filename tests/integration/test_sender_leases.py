"""Leases: a slow sender keeps its chunk, a stopped one sends nothing more, a told one gives it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tests.mailing_world import Scripted, channel, counts, planned, tick, types
from tests.planned import make_sender
from tribune.bootstrap import Application
from tribune.domain.mailings import WINDOW
from tribune.domain.sending import LEASE
from tribune.ports.clock import StoppedClock
from tribune.services.sending.send_chunk import send_chunk
from tribune.store.tables import mailings

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores


def test_a_slow_sender_checks_in_before_its_lease_runs_out(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 40)
    leases: list[Any] = []

    def slow(number: int) -> None:
        with app.store.read() as tx:
            leases.append(tx.ledger.chunks(mailing)[0].lease_until)
        assert clock.now() < leases[-1]
        clock.move(timedelta(seconds=20))

    channel.before = slow
    send_chunk(make_sender(app, channel), mailing, 0)
    assert set(channel.times.values()) == {1}
    assert len(set(leases)) > 5
    assert counts(app, mailing) == {"sent": 40}


def test_a_sender_that_was_stopped_sends_nothing_more_once_another_has_the_chunk(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    """SIGSTOP in the middle of a window: its lease runs out, another one sends the rest; then it wakes up."""
    mailing = planned(app, 10)
    other = Scripted()

    def stopped(number: int) -> None:
        if number == 4:
            clock.move(LEASE)
            assert tick(app) == [(mailing, 0)]
            send_chunk(make_sender(app, other, "b"), mailing, 0)

    channel.before = stopped
    send_chunk(make_sender(app, channel), mailing, 0)
    assert set(channel.times) == {1, 2, 3, 4}, "the one in its hands when it was stopped, and no more"
    assert set(other.times) == set(range(1, 11))
    assert counts(app, mailing) == {"sent": 10}
    assert types(app)["delivery.chunk-done"] == 1


def test_a_sender_that_was_stopped_before_its_first_mail_sends_none(
    app: Application, channel: Scripted, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline is read before the lease is taken: a stop between the two cannot hide."""
    mailing = planned(app, 5)
    sender = make_sender(app, channel)
    real = sender.digests
    stops = [1]

    class Stop(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            if stops:
                stops.pop()
                clock.move(LEASE)
            return real[key]

    object.__setattr__(sender, "digests", Stop(real))
    send_chunk(sender, mailing, 0)
    assert set(channel.times.values()) == {1}
    with app.store.read() as tx:
        assert tx.ledger.chunks(mailing)[0].epoch == 1


def test_a_stop_gives_the_chunk_back_at_once(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 10)
    send_chunk(make_sender(app, channel, stopping=lambda: len(channel.handed) >= 3), mailing, 0)
    assert counts(app, mailing) == {"waiting": 7, "sent": 3}
    assert tick(app) == [(mailing, 0)]
    send_chunk(make_sender(app, channel, "b"), mailing, 0)
    assert set(channel.times.values()) == {1}
    assert counts(app, mailing) == {"sent": 10}


def test_a_pause_in_the_middle_stops_at_the_window_and_keeps_what_is_known(app: Application, channel: Scripted) -> None:
    mailing = planned(app, WINDOW + 5)

    def pause(number: int) -> None:
        if number == 7:
            with app.store.write() as tx:
                tx.connection.execute(update(mailings).values(state="paused"))

    channel.before = pause
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"waiting": 5, "sent": WINDOW}
