"""Sending a chunk: every outcome, every way to be interrupted, and who may still be mailed."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import delete, update

from tests import outbox_log
from tests.planned import add_item, make_sender, plan, withdraw_item
from tribune.bootstrap import Application
from tribune.domain.errors import DeliveryError, NotFound, Permanent, Retryable, Throttled, UnknownOutcome
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.domain.sending import BROKEN_DELAY, LEASE, MAX_HANDOVERS, InDoubt
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import StoppedClock
from tribune.ports.store import Store, Transaction
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.retry_mailing import retry_mailing
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import release_retries, send_retries
from tribune.services.sending.send_stream import Stream
from tribune.store.tables import mailings, people, rhythms, signatures, subscribers, subscriptions

pytestmark = pytest.mark.both_stores

S = DeliveryState


class Killed(BaseException):
    """The process dies here."""


class Scripted:
    """A channel that says what the test tells it to. `before` runs before each mail is handed over."""

    name = "scripted"

    def __init__(self, in_doubt: InDoubt = InDoubt.SEND_AGAIN) -> None:
        self.in_doubt = in_doubt
        self.handed: list[OutgoingMail] = []
        self.says: dict[int, list[DeliveryError | BaseException | None]] = {}
        self.before: Callable[[int], None] = lambda number: None

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        for mail in filter(None, mails):
            number = int(mail.recipient.removeprefix("reader").partition("@")[0])
            self.before(number)
            answers = self.says.get(number, [])
            answer = answers.pop(0) if answers else None
            self.handed.append(mail)
            if answer is not None and not isinstance(answer, DeliveryError):
                raise answer
            yield Outcome(mail.delivery, answer, timedelta(minutes=2) if isinstance(answer, Throttled) else None)

    def forget_before(self, instant: datetime) -> int:
        return 0

    def check(self) -> str:
        return ""

    @property
    def times(self) -> Counter[int]:
        """How often each reader was mailed."""
        return Counter(int(m.recipient.removeprefix("reader").partition("@")[0]) for m in self.handed)


@pytest.fixture
def channel() -> Scripted:
    return Scripted()


def planned(app: Application, *sizes: int, **more: Any) -> int:
    with app.store.write() as tx:
        item = add_item(tx)
    return plan(app.store, sizes, with_people=True, items=(item,), **more)


def counts(app: Application, mailing: int) -> dict[str, int]:
    with app.store.read() as tx:
        return {state.value: number for state, number in mailing_progress(tx, mailing).states.items()}


def events(app: Application) -> list[dict[str, Any]]:
    """All but those of the catalogue."""
    return [event for event in outbox_log.told(app) if not event["type"].startswith("item.")]


def types(app: Application) -> Counter[str]:
    return Counter(event["type"] for event in events(app))


def state(app: Application, mailing: int) -> MailingState:
    with app.store.read() as tx:
        found = tx.ledger.mailing(mailing)
    assert found is not None
    return found.state


def tick(app: Application) -> list[tuple[int, int]]:
    """What the scheduler does, and what its events ask for."""
    known = {event["id"] for event in events(app)}
    with app.store.write() as tx:
        release_retries(tx, app.clock.now())
    asked = [event["data"] for event in events(app) if event["id"] not in known]
    return sorted((data["mailing"], data["chunk"]) for data in asked)


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


# -- dying ----------------------------------------------------------------------------------------------------


def die_at(number: int) -> dict[int, list[DeliveryError | BaseException | None]]:
    return {number: [Killed()]}


def test_after_a_crash_only_the_window_is_in_doubt_and_it_is_sent_again(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 2 * WINDOW)
    channel.says = die_at(WINDOW + 10)
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"in_doubt": WINDOW, "sent": WINDOW}
    other = make_sender(app, channel, "b")
    assert not send_chunk(other, mailing, 0), "the dead one's lease still holds"
    clock.move(LEASE)
    assert tick(app) == [(mailing, 0)]
    assert send_chunk(other, mailing, 0)
    assert counts(app, mailing) == {"sent": 2 * WINDOW}
    doubled = [number for number, times in channel.times.items() if times > 1]
    assert doubled == list(range(WINDOW + 1, WINDOW + 11))
    assert len({(mail.recipient, mail.content) for mail in channel.handed}) == 2 * WINDOW, "doubles are the same mail"


def test_what_kills_every_sender_is_quarantined_and_the_chunk_is_done_all_the_same(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 20)
    channel.says = {5: [Killed() for _ in range(MAX_HANDOVERS)]}
    for _ in range(MAX_HANDOVERS):
        with pytest.raises(Killed):
            send_chunk(make_sender(app, channel), mailing, 0)
        clock.move(LEASE)
        tick(app)
    assert send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"quarantined": 20}
    assert channel.times[5] == MAX_HANDOVERS
    assert state(app, mailing) is MailingState.FINISHED
    with app.store.write() as tx:
        assert retry_mailing(tx, mailing, clock.now()) == {DeliveryState.QUARANTINED: 20, DeliveryState.RETRY: 0}
    send_retries(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 20}
    assert types(app)["mailing.finished"] == 1


def test_hand_overs_by_the_dead_count_towards_the_three(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 5)
    unknown = UnknownOutcome("?", code="no answer")
    channel.says = {3: [None, unknown, unknown, unknown], 5: [Killed()]}
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(LEASE)
    sender = make_sender(app, channel, "b")
    send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 4, "retry": 1}
    clock.move(timedelta(minutes=5))
    send_retries(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 4, "quarantined": 1}
    assert channel.times[3] == MAX_HANDOVERS


def test_a_retry_that_was_taken_over_is_not_told_of(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 1)
    other = Scripted()
    channel.says = {1: [Retryable("later", code="450"), Permanent("no", code="550 5.1.1")]}
    send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(timedelta(minutes=5))

    def stopped(number: int) -> None:
        clock.move(LEASE)
        assert tick(app) == [(mailing, 0)]
        send_retries(make_sender(app, other, "b"), mailing, 0)

    channel.before = stopped
    send_retries(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 1}
    assert types(app)["delivery.failed"] == 0
    with app.store.read() as tx:
        assert tx.audience.suppressed(["reader1@example.org"]) == {}


def test_a_channel_that_must_not_double_quarantines_at_once(app: Application, clock: StoppedClock) -> None:
    channel = Scripted(InDoubt.QUARANTINE)
    mailing = planned(app, WINDOW + 5)
    channel.says = die_at(3)
    with pytest.raises(Killed):
        send_chunk(make_sender(app, channel), mailing, 0)
    clock.move(LEASE)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"sent": 5, "quarantined": WINDOW}
    assert max(channel.times.values()) == 1


def test_a_retry_whose_sender_dies_is_tried_thrice(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, 1)
    channel.says = {1: [Retryable("later", code="450"), *(Killed() for _ in range(5))]}
    send_chunk(make_sender(app, channel), mailing, 0)
    for _ in range(MAX_HANDOVERS):
        clock.move(LEASE + timedelta(minutes=5))
        assert tick(app) == [(mailing, 0)]
        with pytest.raises(Killed):
            send_retries(make_sender(app, channel), mailing, 0)
    clock.move(LEASE)
    tick(app)
    send_retries(make_sender(app, channel), mailing, 0)
    assert channel.times[1] == 1 + MAX_HANDOVERS
    assert counts(app, mailing) == {"quarantined": 1}
    assert state(app, mailing) is MailingState.FINISHED


def test_a_channel_that_breaks_off_leaves_the_chunk_to_the_next_attempt(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 5)
    channel.says = {3: [RuntimeError("a bug")]}
    sender = make_sender(app, channel)
    with pytest.raises(RuntimeError, match="a bug"):
        send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"waiting": 2, "sent": 2, "retry": 1}
    assert not send_chunk(sender, mailing, 0), "it rests for a moment"
    clock.move(BROKEN_DELAY)
    with app.store.write() as tx:
        assert release_retries(tx, clock.now()) == 1, "the scheduler gives it out, whatever became of its event"
    assert send_chunk(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 4, "retry": 1}


class Failing:
    """The store, whose unit of work number `at` to write fails as a database does that goes away."""

    def __init__(self, store: Store, at: int) -> None:
        self._store = store
        self._left = at
        self.waits = store.waits
        self.read = store.read

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        self._left -= 1
        with self._store.write() as tx:
            yield tx
            if not self._left:
                raise ConnectionError("the database went away")


@pytest.mark.parametrize("at", range(1, 9))
def test_a_store_that_fails_once_ends_the_stream_and_holds_no_chunk(
    app: Application, channel: Scripted, clock: StoppedClock, at: int
) -> None:
    mailing = planned(app, 400, 300)
    stream = Stream(replace(make_sender(app, channel), store=Failing(app.store, at)), [(mailing, 0), (mailing, 1)])

    def run() -> None:
        with suppress(ConnectionError):
            stream.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "it opens and gives up windows for ever"
    clock.move(LEASE)
    tick(app)
    Stream(make_sender(app, channel, "b"), [(mailing, 0), (mailing, 1)]).run()
    assert counts(app, mailing) == {"sent": 700}
    assert sum(channel.times.values()) <= 700 + 2 * WINDOW


# -- leases ---------------------------------------------------------------------------------------------------


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


# -- who may still be mailed, and with what -------------------------------------------------------------------


def unsubscribe(tx: Any, who: int, now: Any) -> None:
    tx.connection.execute(update(rhythms).where(rhythms.c.subscriber_id == who).values(stopped_at=now))


def test_people_are_looked_at_again_for_each_window(app: Application, channel: Scripted, clock: StoppedClock) -> None:
    mailing = planned(app, WINDOW + 6)
    with app.store.write() as tx:
        unsubscribe(tx, 1, clock.now())
        tx.audience.suppress("reader2@example.org", "complaint", clock.now())
        tx.connection.execute(update(subscribers).where(subscribers.c.id == 3).values(status="paused"))
        for table in (subscriptions, rhythms):
            tx.connection.execute(delete(table).where(table.c.subscriber_id == 4))

    def meanwhile(number: int) -> None:
        if number == 10:
            with app.store.write() as tx:
                unsubscribe(tx, WINDOW + 1, clock.now())

    channel.before = meanwhile
    send_chunk(make_sender(app, channel), mailing, 0)
    assert {1, 2, 3, WINDOW + 1}.isdisjoint(channel.times)
    with app.store.read() as tx:
        found = {view.subscriber: view.code for view in tx.ledger.deliveries(mailing, states=[S.SUPPRESSED])}
    assert found[1] == "unsubscribed"
    assert found[2] == "suppressed: complaint"
    assert found[3] == "paused"
    assert found[WINDOW + 1] == "unsubscribed"


def test_who_was_erased_gets_nothing(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 3)
    with app.store.write() as tx:
        for table in (subscriptions, rhythms):
            tx.connection.execute(delete(table).where(table.c.subscriber_id == 2))
        tx.connection.exec_driver_sql("DELETE FROM marks WHERE subscriber_id = 2")
        tx.connection.execute(delete(subscribers).where(subscribers.c.id == 2))
        tx.connection.execute(delete(people).where(people.c.id == 2))
    send_chunk(make_sender(app, channel), mailing, 0)
    assert channel.times == {1: 1, 3: 1}
    assert counts(app, mailing) == {"sent": 2, "suppressed": 1}


def test_a_withdrawn_item_leaves_mails_that_are_not_sent_yet(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        first, second = add_item(tx, "First of two"), add_item(tx, "Second of two")
    mailing = plan(app.store, [WINDOW + 2], with_people=True, items=(first, second))

    def meanwhile(number: int) -> None:
        if number == 5:
            with app.store.write() as tx:
                withdraw_item(tx, "First of two")

    channel.before = meanwhile
    send_chunk(make_sender(app, channel), mailing, 0)
    assert b"First of two" in channel.handed[0].content
    last = channel.handed[-1].content
    assert b"First of two" not in last
    assert b"Second of two" in last


def test_a_mail_left_empty_is_not_sent(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 3)
    with app.store.write() as tx:
        withdraw_item(tx)
    send_chunk(make_sender(app, channel), mailing, 0)
    assert channel.handed == []
    assert counts(app, mailing) == {"empty": 3}
    assert state(app, mailing) is MailingState.FINISHED


def test_a_second_attempt_is_the_stored_mail_less_what_was_withdrawn(
    app: Application, channel: Scripted, clock: StoppedClock
) -> None:
    mailing = planned(app, 2)
    channel.says = {1: [Retryable("later", code="450")], 2: [Retryable("later", code="450")]}
    sender = make_sender(app, channel)
    send_chunk(sender, mailing, 0)
    with app.store.write() as tx:
        withdraw_item(tx)
        unsubscribe(tx, 2, clock.now())
    clock.move(timedelta(minutes=5))
    send_retries(sender, mailing, 0)
    assert len(channel.handed) == 2
    assert counts(app, mailing) == {"suppressed": 1, "empty": 1}


def test_one_content_that_cannot_be_made_does_not_hold_up_the_others(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        good, broken = add_item(tx, "Fine"), add_item(tx, "broken", "fr")
    mailing = plan(app.store, [2, 2], with_people=True, items=(good,), locales=["en", "fr"])
    with app.store.write() as tx:
        told = tx.ledger.contents(mailing, [1])[1].to_json()
        told["fragments"][0][0] = broken
        tx.connection.execute(update(signatures).where(signatures.c.signature == 1).values(content=told))
    sender = make_sender(app, channel)
    for chunk in (0, 1):
        send_chunk(sender, mailing, chunk)
    assert counts(app, mailing) == {"sent": 2, "quarantined": 2}
    with app.store.read() as tx:
        assert {view.code for view in tx.ledger.deliveries(mailing, states=[S.QUARANTINED])} == {
            "cannot be made: ValueError"
        }
        assert mailing_progress(tx, mailing).languages == {"en": {S.SENT: 2}, "fr": {S.QUARANTINED: 2}}


def test_a_digest_without_settings_holds_its_mailing_up_with_a_clear_word(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        item = add_item(tx)
    mailing = plan(app.store, [2], with_people=True, digest="gone", items=(item,))
    with pytest.raises(NotFound, match="digest 'gone'"):
        send_chunk(make_sender(app, channel), mailing, 0)
    assert counts(app, mailing) == {"waiting": 2}
    with app.store.read() as tx:
        assert tx.ledger.chunks(mailing)[0].epoch == 0, "the claim was undone"


def test_a_language_version_that_was_withdrawn_leaves_the_stored_mail(app: Application, channel: Scripted) -> None:
    with app.store.write() as tx:
        item = add_item(tx, "Only in French", "fr")
    mailing = plan(app.store, [1, 1], with_people=True, items=(item,), locales=["en", "fr"])
    sender = make_sender(app, channel)
    for chunk in (0, 1):
        send_chunk(sender, mailing, chunk)
    assert counts(app, mailing) == {"empty": 1, "sent": 1}
