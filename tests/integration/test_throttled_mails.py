"""Mails that are told to slow down: who waits for them, and how they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.mailing_world import Scripted, counts, planned, state, tick
from tests.planned import make_sender
from tribune.bootstrap import Application
from tribune.channels.email.replies import hung_up, judged
from tribune.domain.errors import DeliveryError
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.domain.sending import RETRY_DELAYS
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import StoppedClock
from tribune.services.sending.hand_over import OUR_RELAY
from tribune.services.sending.make_mails import Sender
from tribune.services.sending.send_retries import send_retries
from tribune.services.sending.send_stream import Stream
from tribune.store.tables import people

pytestmark = pytest.mark.both_stores
SCHEDULE = sum(RETRY_DELAYS, timedelta())


class Slow(Scripted):
    """Some readers' servers always give this answer; it names no time."""

    def __init__(self, answer: DeliveryError, *slow: int) -> None:
        super().__init__()
        self.answer, self.slow = answer, set(slow)
        self.tries: list[int] = []
        self.taken: list[int] = []

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        for mail in mails:
            if mail is None:
                yield None
                continue
            number = int(mail.recipient.removeprefix("reader").partition("@")[0])
            (self.tries if number in self.slow else self.taken).append(number)
            yield Outcome(mail.delivery, self.answer if number in self.slow else None)


def too_many(code: int = 451, words: bytes = b"4.7.1 slow.example: too many messages, slow down") -> DeliveryError:
    return judged(code, words)


def work(sender: Sender, chunks: list[tuple[int, int]]) -> None:
    Stream(sender, chunks).run()
    for chunk in chunks:
        send_retries(sender, *chunk)


def go_on(app: Application, clock: StoppedClock, sender: Sender, long: timedelta, *, every: timedelta) -> None:
    """What the scheduler and the senders do for so long."""
    until = clock.now() + long
    while clock.now() < until:
        clock.move(every)
        if woken := tick(app):
            work(sender, woken)


def test_a_small_domain_that_wants_less_holds_up_nobody_else(app: Application) -> None:
    mailing = planned(app, 300, 300)
    channel = Slow(too_many(), 1, 100, 299, 301, 600)
    work(make_sender(app, channel), [(mailing, 0), (mailing, 1)])
    assert counts(app, mailing) == {"sent": 595, "retry": 5}
    assert sorted(channel.tries) == [1, 100, 299, 301, 600]


def test_a_relay_that_slows_us_down_says_so_of_many_domains_and_is_left_alone(app: Application) -> None:
    mailing = planned(app, 100)
    with app.store.write() as tx:
        for row in tx.connection.execute(select(people.c.id)).all():
            address = f"reader{row.id}@ministry{row.id}.example"
            tx.connection.execute(
                update(people).where(people.c.id == row.id).values(address=address, address_key=address)
            )
    channel = Slow(too_many(454, b"4.7.0 Throttling failure: maximum sending rate exceeded"), *range(1, 101))
    work(make_sender(app, channel), [(mailing, 0)])
    assert len(channel.tries) == OUR_RELAY
    assert counts(app, mailing) == {"retry": OUR_RELAY, "waiting": 100 - OUR_RELAY}
    assert tick(app) == [], "it rests"


@pytest.mark.parametrize("answer", [too_many(421, b"4.7.0 go away"), hung_up("MAIL")], ids=["421", "connection"])
def test_trouble_with_the_connection_rests_the_others_as_well(app: Application, answer: DeliveryError) -> None:
    mailing = planned(app, 50, 50)
    channel = Slow(answer, 10)
    work(make_sender(app, channel), [(mailing, 0), (mailing, 1)])
    assert counts(app, mailing)["waiting"] >= 40  # PostgreSQL's ledger opens the other chunk's window a little later
    assert tick(app) == [], "it rests"


def test_a_provider_s_throttled_mail_rests_its_group_and_lets_the_others_pass(
    app: Application, clock: StoppedClock
) -> None:
    mailing = planned(app, 20, 20, 5, groups=("google", "google", "yahoo"))
    channel = Slow(too_many(), 4)
    sender = make_sender(app, channel)
    work(sender, [(mailing, 0)])
    assert counts(app, mailing) == {"sent": 3, "retry": 1, "waiting": 41}
    work(sender, [(mailing, 1), (mailing, 2)])
    assert counts(app, mailing) == {"sent": 8, "retry": 1, "waiting": 36}, "only the other provider's have left"
    clock.move(timedelta(minutes=1))
    work(sender, tick(app))
    assert counts(app, mailing) == {"sent": 44, "retry": 1}
    assert channel.tries == [4], "it is not due yet"


def test_a_group_rests_too_where_the_last_mail_of_a_chunk_was_told_to_slow_down(
    app: Application, clock: StoppedClock
) -> None:
    mailing = planned(app, 3, 3, groups=("google", "google"))
    sender = make_sender(app, Slow(too_many(), 3))
    work(sender, [(mailing, 0)])
    work(sender, [(mailing, 1)])
    assert counts(app, mailing) == {"sent": 2, "retry": 1, "waiting": 3}
    clock.move(timedelta(minutes=1))
    assert tick(app) == [(mailing, 1)]


@pytest.mark.parametrize("group", ["google", "other"])
@pytest.mark.parametrize("code", [451, 421])
def test_a_mail_that_is_always_told_to_slow_down_is_given_up_and_nobody_waits_for_it(
    app: Application, clock: StoppedClock, group: str, code: int
) -> None:
    mailing = planned(app, 20, 20, groups=(group, group))
    channel = Slow(too_many(code), 1, 2, 30)
    sender = make_sender(app, channel)
    work(sender, [(mailing, 0), (mailing, 1)])
    go_on(app, clock, sender, timedelta(minutes=30), every=timedelta(minutes=1))
    assert len(channel.taken) == 37
    go_on(app, clock, sender, SCHEDULE - timedelta(minutes=40), every=timedelta(minutes=5))
    assert counts(app, mailing) == {"sent": 37, "retry": 3}, "not sooner than any other 4xx"
    go_on(app, clock, sender, timedelta(hours=6), every=timedelta(minutes=5))
    assert counts(app, mailing) == {"sent": 37, "failed": 3}
    assert len(channel.tries) == 3 * (len(RETRY_DELAYS) + 1)
    assert state(app, mailing) is MailingState.FINISHED


def test_a_mail_that_the_server_cannot_bear_holds_nobody_up_for_ever(app: Application, clock: StoppedClock) -> None:
    mailing = planned(app, 20, 20)
    channel = Slow(hung_up("MAIL"), 3)
    sender = make_sender(app, channel)
    work(sender, [(mailing, 0), (mailing, 1)])
    go_on(app, clock, sender, timedelta(hours=1), every=timedelta(minutes=1))
    assert counts(app, mailing) == {"sent": 39, "retry": 1}
    assert len(channel.taken) == 39


def test_a_relay_that_is_away_for_two_days_costs_nobody_an_attempt(app: Application, clock: StoppedClock) -> None:
    mailing = planned(app, 5, 5)
    channel = Slow(hung_up("greeting"), *range(1, 11))
    sender = make_sender(app, channel)
    work(sender, [(mailing, 0), (mailing, 1)])
    go_on(app, clock, sender, timedelta(days=2), every=timedelta(minutes=30))
    with app.store.read() as tx:
        assert {view.attempts for view in tx.ledger.deliveries(mailing, states=[DeliveryState.RETRY])} <= {0}
    channel.slow.clear()
    go_on(app, clock, sender, timedelta(hours=2), every=timedelta(minutes=10))
    assert counts(app, mailing) == {"sent": 10}
    assert state(app, mailing) is MailingState.FINISHED


def test_later_attempts_leave_a_provider_alone_for_longer_each_time_in_a_row(
    app: Application, clock: StoppedClock
) -> None:
    mailing = planned(app, 1, groups=("google",))
    channel = Slow(too_many(), 1)
    sender = make_sender(app, channel)
    work(sender, [(mailing, 0)])
    went = clock.now()
    waits = []
    for _ in range(2):
        while not (woken := tick(app)):
            clock.move(timedelta(seconds=30))
        work(sender, woken)
        waits.append(clock.now() - went)
        went = clock.now()
    assert waits == [timedelta(minutes=5 + 1), timedelta(minutes=15 + 2)]
