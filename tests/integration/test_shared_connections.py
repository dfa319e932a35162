"""The connections to the mail server are one number over all workers, however many there are."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.contracts.email_contract import mail
from tests.integration.test_smtp_pool import House
from tests.mail_servers import nasty_server
from tests.smtp_clients import plain
from tribune.bootstrap import Application
from tribune.commands.check import warnings
from tribune.config.sending import Throttle
from tribune.domain.throttling import SHARE_LASTS, share_of
from tribune.ports.clock import StoppedClock, SystemClock
from tribune.services.sending import share_connections
from tribune.services.sending.share_connections import ConnectionShare

pytestmark = pytest.mark.both_stores


def hold(app: Application, worker: str, total: int = 10) -> int:
    with app.store.write() as tx:
        return tx.throttles.hold("smtp", worker, total, app.clock.now())


def test_who_comes_takes_only_what_the_others_have_left(app: Application) -> None:
    assert hold(app, "a") == 10
    assert hold(app, "b") == 1, "a still has all of them"
    assert hold(app, "a") == 5
    assert hold(app, "b") == 5
    assert hold(app, "c") == 1
    assert [hold(app, worker) for worker in "abc"] == [4, 3, 3]


def test_who_ends_or_is_not_heard_of_leaves_them_to_the_others(app: Application, clock: StoppedClock) -> None:
    hold(app, "a")
    hold(app, "b")
    with app.store.write() as tx:
        tx.throttles.let_go("smtp", "a")
    assert hold(app, "b") == 10
    hold(app, "dies")
    clock.move(SHARE_LASTS + timedelta(seconds=1))
    assert hold(app, "b") == 10


def test_a_clock_that_is_set_back_keeps_nothing_for_who_died(app: Application, clock: StoppedClock) -> None:
    hold(app, "dies")
    clock.move(-timedelta(hours=1))
    assert hold(app, "b") == 1
    clock.move(SHARE_LASTS + timedelta(seconds=1))
    assert hold(app, "b") == 10


@pytest.mark.parametrize("total", [1, 2, 7, 10, 40])
@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_equal_parts_are_the_whole_and_nobody_is_without(total: int, workers: int) -> None:
    parts = [share_of(total, workers, place, 0) for place in range(workers)]
    assert sum(parts) == max(total, workers)
    assert max(parts) - min(parts) <= 1


def test_senders_at_the_same_time_keep_to_it_and_no_mail_is_lost(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_connections, "SHARE_SECONDS", 0.1)
    clock, seen = SystemClock(), []
    house = House(pause=0.01)

    with nasty_server(house, together=True) as (port, _):

        def send(sender: int, number: int) -> None:
            channel = plain(port, connections=10, share=lambda: ConnectionShare(app.store, clock, "smtp", 6))
            outcomes = channel.send(mail(sender * 1_000 + n) for n in range(number))
            for outcome in outcomes:
                assert outcome is not None and outcome.error is None
                seen.append((sender, house.there))
            channel.close()

        first = threading.Thread(target=send, args=(1, 600))
        first.start()
        while len(seen) < 150 and first.is_alive():
            first.join(0.01)
        alone = house.most
        second = threading.Thread(target=send, args=(2, 200))
        second.start()
        for thread in (first, second):
            thread.join(60)
    assert alone == 6, "one alone has all of them"
    # Who comes has one at once, whatever the others hold; three goodbyes may be on their way.
    assert house.most <= 6 + 3, "and not 20"
    together = [there for sender, there in seen if sender == 2][-50:]
    assert max(together) <= 6 + 2
    assert sum(house.got.values()) == 800 and set(house.got.values()) == {1}
    with app.store.read() as tx:
        left = tx.connection.exec_driver_sql("SELECT count(*) FROM connection_shares").scalar()
    assert left == 0, "who is done gives them back"


def test_check_says_where_more_send_at_once_than_there_may_be_connections(app: Application) -> None:
    """Each has one at least: else it would hold its mails, and those to one person, for a whole mailing."""
    smtp = app.settings.email.model_copy(update={"channel": "smtp", "throttle": Throttle(connections=2)})
    house = Application(app.settings.model_copy(update={"email": smtp}), app.clock)
    try:
        for worker in "ab":
            hold(app, worker, total=2)
        assert "[email.throttle] connections" not in "\n".join(warnings(house))
        for worker in "abcde":
            hold(app, worker, total=2)
        assert [hold(app, worker, total=2) for worker in "abcde"] == [1, 1, 1, 1, 1]
        assert "5 streams of mail" in "\n".join(warnings(house))
    finally:
        house.close()
