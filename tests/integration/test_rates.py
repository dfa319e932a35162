"""Rates over all workers, kept in the store: of the channel, of a domain group; first attempts and later ones alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.mailing_world import Scripted, counts, planned, tick
from tests.planned import make_sender
from tribune.bootstrap import Application
from tribune.domain.errors import Retryable
from tribune.domain.throttling import AHEAD, FIRST_REST, Permit, Rates
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import StoppedClock, SystemClock
from tribune.services.sending.send_retries import release_retries, send_retries
from tribune.services.sending.send_stream import Stream

pytestmark = pytest.mark.both_stores
SECOND = timedelta(seconds=1)


class Timed(Scripted):
    """Writes down when each mail was handed over."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        for mail in mails:
            if mail is None:
                yield None
            else:
                self.at.append(time.monotonic())
                yield from super().send([mail])


@pytest.fixture
def ticking(app: Application) -> Iterator[Application]:
    """The same house as another process sees it: its own connections, and a clock that goes."""
    clock = SystemClock(app.clock.now() - datetime.now(UTC))
    house = Application(app.settings, clock)
    house.codelists = app.codelists
    yield house
    house.close()


def take(app: Application, group: str, wanted: int, rates: Rates) -> Permit:
    with app.store.write() as tx:
        return tx.throttles.take("smtp", group, wanted, rates, tx.now())


def test_groups_share_the_channel_s_rate_and_keep_to_their_own(app: Application, clock: StoppedClock) -> None:
    rates = Rates(channel=10, share=0.5, groups={"google": 2})
    assert take(app, "google", 5, rates) == Permit(5, timedelta(), SECOND / 2)
    assert take(app, "other", 20, rates) == Permit(20, SECOND / 2, SECOND / 5), "five of the channel's places are gone"
    assert take(app, "google", 1, rates).after == timedelta(seconds=2.5)
    clock.move(AHEAD * 3)
    assert take(app, "google", 1, rates).after == timedelta()


def test_where_there_is_no_room_it_says_how_long(app: Application) -> None:
    rates = Rates(channel=1)
    for _ in range(2):
        assert take(app, "other", 100, rates).number == 10
    told = take(app, "other", 100, rates)
    assert told.number == 0
    assert told.after == 20 * SECOND
    assert take(app, "other", 100, Rates()) == Permit(100), "without a rate nothing is looked up"


def test_a_group_that_is_throttled_again_and_again_rests_longer_each_time(
    app: Application, clock: StoppedClock
) -> None:
    def failed(group: str = "other") -> timedelta:
        with app.store.write() as tx:
            return tx.throttles.failed("smtp", group, tx.now()) - app.clock.now()

    assert failed() == FIRST_REST
    assert failed() == FIRST_REST, "two workers that meet the same trouble count it once"
    assert failed("google") == FIRST_REST, "another group is another matter"
    clock.move(FIRST_REST + SECOND)
    assert failed() == 2 * FIRST_REST
    clock.move(2 * FIRST_REST + SECOND)
    with app.store.write() as tx:
        tx.throttles.went_well("smtp", "other", tx.now())
    assert failed() == FIRST_REST


def test_the_rests_grow_where_the_group_has_a_rate_as_well(app: Application, clock: StoppedClock) -> None:
    rates = Rates(channel=100, groups={"other": 10})
    rests = []
    for _ in range(7):
        assert take(app, "other", 100, rates).number == 100, "the rest is over, and it used up nothing"
        with app.store.write() as tx:
            until = tx.throttles.failed("smtp", "other", tx.now())
        rests.append((until - clock.now()).total_seconds())
        assert take(app, "other", 1, rates) == Permit(0, until - clock.now())
        assert take(app, "google", 1, rates).number == 1, "another group goes on"
        clock.move(until - clock.now())
    assert rests == [60, 120, 240, 480, 960, 1800, 1800]


def test_two_that_ask_at_once_get_different_instants(app: Application) -> None:
    rates, told = Rates(channel=1000), list[Permit]()
    threads = [
        threading.Thread(target=lambda: told.extend(take(app, "other", 10, rates) for _ in range(20))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(one.after for one in told) == [n * SECOND / 100 for n in range(40)]


def test_two_workers_together_keep_to_the_rate(app: Application, ticking: Application) -> None:
    mailing = planned(app, 60, 60, 60, 60)
    channel = Timed()

    def work(owner: str, chunks: list[int]) -> None:
        sender = make_sender(ticking, channel, owner, rates=Rates(channel=120))
        Stream(sender, [(mailing, chunk) for chunk in chunks]).run()

    threads = [threading.Thread(target=work, args=told) for told in (("a", [0, 1]), ("b", [2, 3]))]
    began = time.monotonic()  # before the first place can be taken: on a busy machine its mail may leave much later
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts(app, mailing) == {"sent": 240}
    assert channel.times == dict.fromkeys(range(1, 241), 1)
    assert max(channel.at) - began >= 1.95, "240 mails at 120 a second"


def test_a_slow_group_does_not_hold_up_the_others(app: Application, ticking: Application) -> None:
    mailing = planned(app, 10, 10, groups=("google", "other"))
    channel = Timed()
    began = time.monotonic()
    Stream(make_sender(ticking, channel, rates=Rates(groups={"google": 10})), [(mailing, 0), (mailing, 1)]).run()
    assert counts(app, mailing) == {"sent": 20}
    order = [mail.delivery.split(".")[1] for mail in channel.handed]
    slow, quick = ([at - began for at, chunk in zip(channel.at, order, strict=True) if chunk == c] for c in "01")
    assert max(slow) >= 0.85, "the tenth of ten at 10 a second"
    assert max(quick) < max(slow), "the other group's were all gone before"


def test_later_attempts_keep_to_the_rate_as_well(app: Application, ticking: Application, clock: StoppedClock) -> None:
    mailing = planned(app, 60)
    channel = Timed()
    channel.says = {n: [Retryable("later", code="450")] for n in range(1, 61)}
    Stream(make_sender(app, channel), [(mailing, 0)]).run()
    assert counts(app, mailing) == {"retry": 60}
    channel.at.clear()
    ticking.clock.offset += timedelta(minutes=6)  # type: ignore[attr-defined]
    sender = make_sender(ticking, channel, rates=Rates(channel=40))
    began = time.monotonic()
    assert send_retries(sender, mailing, 0) == 60
    assert counts(app, mailing) == {"sent": 60}
    assert channel.at[-1] - began >= 1.4, "the sixtieth of sixty at 40 a second"


def test_later_attempts_for_which_there_is_no_room_wait_uncounted(app: Application, clock: StoppedClock) -> None:
    mailing = planned(app, 30)
    channel = Timed()
    channel.says = {n: [Retryable("later", code="450")] for n in range(1, 31)}
    Stream(make_sender(app, channel), [(mailing, 0)]).run()
    clock.move(timedelta(minutes=6))
    sender = make_sender(app, channel, rates=Rates(channel=2))
    assert send_retries(sender, mailing, 0) == 20, "ten seconds ahead, no more"
    assert counts(app, mailing) == {"sent": 20, "retry": 10}
    with app.store.read() as tx:
        waiting = [view for view in tx.ledger.deliveries(mailing) if view.state.value == "retry"]
    assert {view.attempts for view in waiting} == {1}
    clock.move(AHEAD)
    with app.store.write() as tx:
        release_retries(tx, app.clock.now())
    send_retries(sender, mailing, 0)
    assert counts(app, mailing) == {"sent": 30}


def simulated(
    app: Application, clock: StoppedClock, rates: Rates, groups: Sequence[str], seconds: int
) -> list[tuple[float, str]]:
    """When mails of these groups leave, each group by a sender with more of them than there is room for; it asks again
    when its window ends, or when it was told to."""
    begun, left = clock.now(), list[tuple[float, str]]()
    asks = [(0.0, group) for group in groups]
    while (due := min(asks))[0] < seconds:
        asks.remove(due)
        at, group = due
        clock.move(begun + timedelta(seconds=at) - clock.now())
        told = take(app, group, 250, rates)
        after, apart = told.after.total_seconds(), told.apart.total_seconds()
        left += [(at + after + n * apart, group) for n in range(told.number)]
        asks.append((at + after + told.number * apart, group))
    return sorted((at, group) for at, group in left if at < seconds)


def test_a_slow_group_costs_the_others_no_more_than_its_own_mails(app: Application, clock: StoppedClock) -> None:
    rates = Rates(channel=100, groups={"google": 1})
    for _ in range(2):
        take(app, "google", 250, rates)
    assert take(app, "other", 1, rates).after == SECOND / 5, "twenty of the channel's places are gone, no more"
    assert take(app, "microsoft", 250, rates).number == 250
    clock.move(AHEAD * 3)
    left = simulated(app, clock, rates, ["google", "google", "other"], 600)
    assert sum(group == "other" for _, group in left) > 0.99 * (60_000 - 600)
    assert sum(group == "google" for _, group in left) > 0.95 * 600


@pytest.mark.parametrize(
    ("rates", "groups"),
    [
        (Rates(100, groups={"google": 1}), ["google", "other", "other"]),
        (Rates(100, groups={"google": 30, "microsoft": 0.5}), ["google", "google", "microsoft", "other", "yahoo"]),
        (Rates(100, share=0.5), ["google", "microsoft", "other", "other"]),
        (Rates(20, share=0.3, groups={"google": 200}), ["google", "microsoft", "yahoo", "other", "other"]),
        (Rates(7, groups={"google": 0.01}), ["google", "google", "google", "other", "microsoft"]),
    ],
)
def test_all_together_keep_to_the_channel_s_rate_and_each_group_to_its_own(
    app: Application, clock: StoppedClock, rates: Rates, groups: list[str]
) -> None:
    left = simulated(app, clock, rates, groups, 200)
    times = [at for at, _ in left]
    # No place is used before its time, and none later than what is given out ahead.
    late = 2 * AHEAD.total_seconds()
    for first, begins in enumerate(times):
        for last in range(first, len(times), 97):
            assert last - first + 1 <= rates.channel * (times[last] - begins + late) + 1
        assert first <= 1.001 * rates.channel * begins + 0.01, "never more since the first one than the rate allows"
    assert len(left) > 0.9 * rates.channel * 200, "and hardly less"
    for group in set(groups):
        own = [at for at, told in left if told == group]
        rate = rates.of_group(group)
        if rate:
            assert all(later - at >= 1 / rate - 1e-3 for at, later in pairwise(own))


def test_a_clock_that_is_set_back_holds_no_mail_up(app: Application, clock: StoppedClock) -> None:
    rates = Rates(channel=10, groups={"google": 1})
    take(app, "google", 10, rates)
    clock.move(-timedelta(hours=1))
    assert take(app, "google", 10, rates) == Permit(10, timedelta(), SECOND)
    assert take(app, "other", 10, rates) == Permit(10, SECOND, SECOND / 10), "from then on it goes by the new time"


def test_a_very_low_rate_that_is_raised_holds_mail_up_for_a_minute_at_most(
    app: Application, clock: StoppedClock
) -> None:
    mailing, channel = planned(app, 2), Scripted()
    slow = make_sender(app, channel, rates=Rates(channel=1 / 3600))
    Stream(slow, [(mailing, 0)]).run()
    assert counts(app, mailing) == {"sent": 1, "waiting": 1}
    clock.move(timedelta(minutes=1))
    assert tick(app) == [(mailing, 0)], "it asks again, though there is nothing to be had"
    Stream(slow, [(mailing, 0)]).run()
    assert counts(app, mailing) == {"sent": 1, "waiting": 1}
    clock.move(timedelta(minutes=1))
    Stream(make_sender(app, channel, rates=Rates(channel=1000)), tick(app)).run()
    assert counts(app, mailing) == {"sent": 2}
