"""Staff have mails of a finished mailing tried again: it runs until they are settled, so that it can be held up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.mailing_world import Scripted, cancel, carried, channel, counts, events, planned, state, types
from tests.planned import make_sender
from tribune.bootstrap import Application
from tribune.domain.errors import Conflict, Permanent
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.ports.clock import StoppedClock
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.pause_mailing import pause_mailing, resume_mailing
from tribune.services.sending.retry_mailing import retry_mailing
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores


@pytest.fixture
def refused(app: Application, channel: Scripted) -> int:
    """A mailing all of which the mail server refused by mistake."""
    mailing = planned(app, 5)
    channel.says = {number: [Permanent("no", code="550 5.7.1 relay access denied")] for number in range(1, 6)}
    send_chunk(make_sender(app, channel), mailing, 0)
    assert (state(app, mailing), counts(app, mailing)) == (MailingState.FINISHED, {"failed": 5})
    return mailing


def retry(app: Application, mailing: int) -> None:
    with app.store.write() as tx:
        assert retry_mailing(tx, mailing, app.clock.now(), (DeliveryState.FAILED,)) == {DeliveryState.FAILED: 5}


def test_it_runs_again_and_finishes_once_more(
    app: Application, channel: Scripted, clock: StoppedClock, refused: int
) -> None:
    with app.store.read() as tx:
        took = mailing_progress(tx, refused).mailing.running_seconds(clock.now())
    clock.move(timedelta(days=3))
    retry(app, refused)
    with app.store.read() as tx:
        again = mailing_progress(tx, refused).mailing
    assert (again.state, again.finished_at) == (MailingState.RUNNING, None)
    assert again.running_seconds(clock.now()) == pytest.approx(took), "the days between are no time of sending"
    send_retries(make_sender(app, channel), refused, 0)
    assert (state(app, refused), counts(app, refused)) == (MailingState.FINISHED, {"sent": 5})
    assert [types(app)[f"mailing.{change}"] for change in ("resumed", "finished")] == [1, 2]
    assert len({event["id"] for event in events(app)}) == len(events(app))


def test_it_can_be_paused_and_goes_on(app: Application, channel: Scripted, refused: int) -> None:
    retry(app, refused)
    with app.store.write() as tx:
        pause_mailing(tx, refused, app.clock.now())
    send_retries(make_sender(app, channel), refused, 0)
    assert counts(app, refused) == {"retry": 5}, "nothing leaves of what is paused"
    with app.store.write() as tx:
        resume_mailing(tx, refused, app.clock.now())
    send_retries(make_sender(app, channel), refused, 0)
    assert (state(app, refused), counts(app, refused)) == (MailingState.FINISHED, {"sent": 5})


def test_it_can_be_cancelled_and_what_it_held_comes_with_the_next(
    app: Application, channel: Scripted, refused: int
) -> None:
    retry(app, refused)
    cancel(app, refused)
    send_retries(make_sender(app, channel), refused, 0)
    assert len(channel.handed) == 5, "the first time only"
    assert counts(app, refused) == {"cancelled": 5}
    assert set(carried(app)) == {1, 2, 3, 4, 5}


def test_one_of_which_nothing_is_tried_stays_finished(app: Application, refused: int) -> None:
    with app.store.write() as tx:
        retry_mailing(tx, refused, app.clock.now())  # held back or waiting: none
    assert state(app, refused) is MailingState.FINISHED
    with pytest.raises(Conflict, match="is finished") as told, app.store.write() as tx:
        pause_mailing(tx, refused, app.clock.now())
    assert "Nothing of it waits to leave" in str(told.value.hint)
