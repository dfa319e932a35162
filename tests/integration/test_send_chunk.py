"""Sending a chunk: the plain way, and every outcome."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice

import pytest

from tests.mailing_world import Scripted, channel, counts, events, planned, state, tick, types, unsubscribe
from tests.planned import make_sender, plan
from tribune.bootstrap import Application
from tribune.domain.errors import Permanent, Retryable, Throttled, UnknownOutcome
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import StoppedClock
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores
S = DeliveryState


# -- the plain way --------------------------------------------------------------------------------------------


def test_everyone_gets_one_mail_and_the_events_tell_of_it_once(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 2 * WINDOW, 3)
    sender = make_sender(app, channel)
    assert send_chunk(sender, mailing, 0)
    assert types(app) == {"mailing.started": 1, "delivery.chunk-done": 1}
    assert send_chunk(sender, mailing, 1)
    assert set(channel.times.values()) == {1}
    assert len(channel.handed) == 2 * WINDOW + 3
    assert types(app) == {"mailing.started": 1, "delivery.chunk-done": 2, "mailing.finished": 1}
    assert counts(app, mailing) == {"sent": 2 * WINDOW + 3}
    assert state(app, mailing) is MailingState.FINISHED
    for mail in channel.handed:
        assert f"To: <{mail.recipient}>".encode() in mail.content
        assert f"<{mail.delivery}.".encode() in mail.content
    assert {event["correlationid"] for event in events(app)} == {"story-1"}


def test_a_chunk_that_is_done_is_passed_over_when_its_event_comes_again(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 3)
    sender = make_sender(app, channel)
    assert [send_chunk(sender, mailing, 0), send_chunk(sender, mailing, 0)] == [True, False]
    assert send_retries(sender, mailing, 0) == 0
    assert len(channel.handed) == 3
    assert types(app)["mailing.finished"] == 1


def test_the_return_path_and_the_links_name_the_delivery_and_the_reader(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 2)
    send_chunk(make_sender(app, channel), mailing, 0)
    mail = channel.handed[1]
    assert app.reader_links.bounced(mail.sender) == (mail.delivery, mailing, 0, 1)
    assert len(mail.sender.partition("@")[0]) <= 64
    link = mail.content.decode().partition("List-Unsubscribe: <")[2].partition(">")[0]
    token = link.removeprefix(app.base_url + "/u/")
    assert app.signer.verify("unsubscribe", token) == ("2", "letter", str(mailing))


def test_doubt_is_durable_before_a_mail_is_handed_over_and_no_transaction_is_held(
    app: Application, channel: Scripted
) -> None:
    mailing = planned(app, WINDOW + 10)

    def look(number: int) -> None:
        with app.store.write() as tx:  # would wait for 30 s and fail if the sender held one
            marks = tx.ledger.chunks(mailing)[0].marks
        assert marks.sent <= number - 1 < marks.doubt <= marks.sent + WINDOW

    channel.before = look
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": WINDOW + 10}


def test_events_hold_no_personal_data(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 3)
    channel.says = {2: [Permanent("no", code="550 5.1.1 <reader2@example.org> Reader 2 is unknown")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    told = json.dumps(events(app))
    assert "@" not in told.replace("@observatory", "")
    assert "Reader 2" not in told
    (failed,) = [event for event in events(app) if event["type"] == "delivery.failed"]
    assert failed["data"] == {"mailing": mailing, "subscriber": 2, "state": "failed", "code": "550 5.1.1"}
    with app.store.read() as tx:
        (view,) = tx.ledger.deliveries(mailing, states=[S.FAILED])
    assert view.code == "550 5.1.1 <<...>> Reader 2 is unknown"


# -- outcomes -------------------------------------------------------------------------------------------------


def test_outcomes_differ(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 6)
    channel.says = {
        2: [Permanent("no", code="550 5.7.1 spam")],
        3: [Retryable("later", code="450 4.2.0")],
        4: [UnknownOutcome("?", code="no answer")],
    }
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 3, "retry": 2, "failed": 1}
    done = next(event for event in events(app) if event["type"] == "delivery.chunk-done")
    assert {name: number for name, number in done["data"].items() if number} == {
        "mailing": mailing,
        "sent": 3,
        "failed": 1,
        "waiting": 2,
    }
    assert state(app, mailing) is MailingState.RUNNING
    assert tick(app) == []
    clock.move(timedelta(minutes=5))
    assert tick(app) == [(mailing, 0)]
    assert tick(app) == [], "given out once"
    assert send_retries(sender, mailing, 0) == 2
    assert counts(app, mailing) == {"sent": 5, "failed": 1}
    assert channel.times == {1: 1, 2: 1, 3: 2, 4: 2, 5: 1, 6: 1}
    assert len({mail.content for mail in channel.handed if mail.recipient.startswith("reader4@")}) == 1, (
        "same Message-ID"
    )
    assert types(app)["mailing.finished"] == 1


def test_an_address_that_is_no_good_is_never_mailed_again(app: Application, channel: Scripted) -> None:
    first = planned(app, 2)
    channel.says = {2: [Permanent("no", code="550 5.1.1 no such user")]}
    sender = make_sender(app, channel)
    send_chunk(sender, first, 0)
    second = plan(app.store, [2], occasion="2026-11-24", items=(1,))
    send_chunk(sender, second, 0)
    assert counts(app, second) == {"sent": 1, "suppressed": 1}
    assert channel.times == {1: 2, 2: 1}


def test_an_answer_about_content_does_not_suppress(app: Application, channel: Scripted) -> None:
    first = planned(app, 1)
    channel.says = {1: [Permanent("no", code="554 5.7.1 looks like spam")]}
    sender = make_sender(app, channel)
    send_chunk(sender, first, 0)
    second = plan(app.store, [1], occasion="2026-11-24", items=(1,))
    send_chunk(sender, second, 0)
    assert counts(app, second) == {"sent": 1}


def test_a_throttled_channel_lets_the_rest_wait_without_burning_attempts(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 10)
    channel.says = {4: [Throttled("slowly", code="421")] * 2}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    assert len(channel.handed) == 4, "nothing more is tried after a throttle"
    assert counts(app, mailing) == {"waiting": 7, "sent": 3}
    assert not send_chunk(sender, mailing, 0), "it rests"
    for _ in range(2):
        clock.move(timedelta(minutes=2))
        assert tick(app) == [(mailing, 0)]
        send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 10}
    assert channel.times[4] == 3
    assert types(app)["mailing.started"] == types(app)["mailing.finished"] == 1


class Pipelined(Scripted):
    """Has six mails in flight before the first answer; the third and the last two meet a throttle."""

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        taken = list(islice(filter(None, mails), 6))
        self.handed += taken
        for place, mail in enumerate(taken):
            yield Outcome(mail.delivery, Throttled("slowly", code="421") if place in (2, 4, 5) else None)


def test_a_channel_with_several_mails_in_flight_may_be_throttled_in_the_middle(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 10)
    send_chunk(make_sender(app, Pipelined()), mailing, 0)
    assert counts(app, mailing) == {"waiting": 6, "sent": 3, "retry": 1}
    with app.store.read() as tx:
        (view,) = tx.ledger.deliveries(mailing, states=[S.RETRY])
    assert (view.place, view.attempts) == (2, 0)
    clock.move(timedelta(minutes=1))
    assert tick(app) == [(mailing, 0)]
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    send_retries(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 10}


def test_who_stands_behind_a_throttled_mail_is_looked_at_again_with_it(app: Application, clock: StoppedClock) -> None:
    """Exceptions beyond the mark are not recorded: by the next attempt they may no longer be true."""
    mailing = planned(app, 8)
    with app.store.write() as tx:
        unsubscribe(tx, 6, clock.now())  # between the last two
    send_chunk(make_sender(app, Pipelined()), mailing, 0)
    assert counts(app, mailing) == {"waiting": 4, "sent": 3, "retry": 1}


def test_a_throttle_rests_its_lane_and_group_and_no_other(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 1, 1, 1, groups=["gmail", "gmail", "other"])
    channel.says = {1: [Throttled("slowly", code="421")]}
    sender = make_sender(app, channel)
    assert [send_chunk(sender, mailing, chunk) for chunk in (0, 1, 2)] == [True, False, True]
    clock.move(timedelta(minutes=2))
    assert tick(app) == [(mailing, 0), (mailing, 1)]


def test_retries_end(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 1)
    channel.says = {1: [Retryable("later", code="450 4.2.2 full")] * 20}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    while counts(app, mailing) == {"retry": 1}:
        clock.move(timedelta(hours=12))
        assert tick(app) == [(mailing, 0)]
        send_retries(sender, mailing, 0)
    assert channel.times[1] == 7
    assert counts(app, mailing) == {"failed": 1}
    assert state(app, mailing) is MailingState.FINISHED
    assert types(app)["delivery.failed"] == 1


def test_a_retry_that_is_throttled_burns_nothing(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 3)
    later = Retryable("later", code="450")
    channel.says = {1: [later, Throttled("slowly", code="421")], 2: [later], 3: [later]}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    clock.move(timedelta(minutes=5))
    tick(app)
    send_retries(sender, mailing, 0)
    with app.store.read() as tx:
        assert [view.attempts for view in tx.ledger.deliveries(mailing, states=[S.RETRY])] == [1, 1, 1]
    clock.move(timedelta(minutes=2))
    assert tick(app) == [(mailing, 0)]
    send_retries(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 3}
