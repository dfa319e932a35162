"""A store that is away at the very moment at which later attempts and notices are settled: nobody is mailed twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from consumers.notices import sender_of
from tests import outbox_log
from tests.planned import add_item, add_people, make_sender, plan
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.errors import Conflict, DeliveryError, Permanent, Retryable, Throttled
from tribune.domain.mailings import MailingState
from tribune.domain.notices import NoticeKind, NoticeState
from tribune.domain.sending import InDoubt
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import StoppedClock
from tribune.ports.store import Store, Transaction
from tribune.services.notices.request_notice import request_notice
from tribune.services.notices.send_notices import send_notices
from tribune.services.sending import patience
from tribune.services.sending.mailing_progress import mailing_progress
from tribune.services.sending.patience import TRIES_AT_A_STOP, settle_patiently
from tribune.services.sending.send_chunk import send_chunk
from tribune.services.sending.send_retries import send_retries
from tribune.store.migrate import migrate
from web.metrics import PrometheusMetrics

LATER = Retryable("later", code="450 4.2.2 full")


class Answers:
    """A channel that gives each reader's answers in turn, then takes everything. `after` runs behind each mail."""

    name = "answers"
    in_doubt = InDoubt.SEND_AGAIN

    def __init__(self, **says: list[DeliveryError]) -> None:
        self.says = says
        self.mailed: Counter[str] = Counter()
        self.after: Callable[[], None] = lambda: None

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        for mail in filter(None, mails):
            reader = mail.recipient.partition("@")[0]
            self.mailed[reader] += 1
            self.after()
            answers = self.says.get(reader, [])
            yield Outcome(mail.delivery, answers.pop(0) if answers else None)

    def forget(self, deliveries: Iterable[str]) -> int:
        return 0

    def forget_before(self, instant: datetime) -> int:
        return 0

    def check(self) -> str:
        return ""


class Blip:
    """The store, whose unit of work number `at` to write fails once: before its commit, or (`lost`) after it, as where
    the answer of the database is lost. `at` 0: every one fails."""

    def __init__(self, store: Store, at: int, *, lost: bool = False) -> None:
        self.writes = 0
        self._store, self._at, self._lost = store, at, lost
        self.waits, self.read, self.clashed = store.waits, store.read, store.clashed

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        self.writes += 1
        fails = self.writes == self._at or not self._at
        with self._store.write() as tx:
            yield tx
            if fails and not self._lost:
                raise ConnectionError("the database went away")
        if fails:
            raise ConnectionError("the database went away after the commit")


def with_retries(app: Application, channel: Answers) -> int:
    """A mailing to three whose first attempt is over, with later ones due; its id."""
    with app.store.write() as tx:
        item = add_item(tx)
    mailing = plan(app.store, [3], with_people=True, items=(item,))
    send_chunk(make_sender(app, channel), mailing, 0)
    return mailing


def counts(app: Application, mailing: int) -> dict[str, int]:
    with app.store.read() as tx:
        return {state.value: number for state, number in mailing_progress(tx, mailing).states.items()}


def asked(app: Application, *people: int) -> list[int]:
    """Notices to these people; their ids."""
    made = []
    with app.store.write() as tx:
        for person in people:
            content = {"digest": "letter"}
            made.append(request_notice(tx, NoticeKind.PREFERENCES_LINK, person, content, app.rules, app.clock.now()))
    return [notice.id for notice in made if notice is not None]


def states(app: Application, ids: Iterable[int]) -> list[str]:
    with app.store.read() as tx:
        return [notice.state.value for id in ids if (notice := tx.notices.one(id))]


@pytest.mark.both_stores
@pytest.mark.parametrize("lost", [False, True], ids=["before the commit", "answer lost"])
def test_a_blip_while_later_attempts_are_settled_mails_nobody_again(
    app: Application, clock: StoppedClock, lost: bool
) -> None:
    channel = Answers(reader1=[LATER], reader2=[LATER, Permanent("no", code="550 5.1.1 nobody")])
    mailing = with_retries(app, channel)
    clock.move(timedelta(minutes=5))
    store = Blip(app.store, 2, lost=lost)
    assert send_retries(replace(make_sender(app, channel), store=store), mailing, 0) == 2
    assert store.writes > 2, "it has looked once more"
    assert counts(app, mailing) == {"sent": 2, "failed": 1}
    types = Counter(event["type"] for event in outbox_log.told(app))
    assert (types["delivery.failed"], types["mailing.finished"]) == (1, 1)
    clock.move(timedelta(hours=12))
    assert send_retries(make_sender(app, channel, "b"), mailing, 0) == 0
    assert channel.mailed == {"reader1": 2, "reader2": 2, "reader3": 1}


@pytest.mark.both_stores
@pytest.mark.parametrize("lost", [False, True], ids=["before the commit", "answer lost"])
def test_a_blip_while_notices_are_settled_mails_nobody_again(app: Application, clock: StoppedClock, lost: bool) -> None:
    channel = Answers(reader2=[Throttled("slowly", code="421")], reader3=[Permanent("no", code="550 5.1.1 nobody")])
    app.email = channel
    with app.store.write() as tx:
        add_people(tx, 3)
    ids = asked(app, 3, 1, 2)
    metrics = PrometheusMetrics()
    sender = replace(sender_of(app), metrics=metrics, store=Blip(app.store, 2, lost=lost))
    told = send_notices(sender, ids)
    assert states(app, ids) == ["failed", "sent", "retry"]
    # Where the answer was lost, it looks as if another had taken them over: then nothing is told of them.
    wanted = {NoticeState.FAILED, NoticeState.SENT, NoticeState.RETRY}
    assert set(told.values()) == (set() if lost else wanted)
    for outcome in ("sent", "throttled", "permanent"):
        labels = {"channel": "answers", "outcome": outcome}
        assert metrics.registry.get_sample_value("tribune_notices_handed_over_total", labels) == 1
    clock.move(timedelta(minutes=3))
    send_notices(sender_of(app), ids)
    assert channel.mailed == {"reader1": 1, "reader2": 2, "reader3": 1}


def test_patience_ends_and_sooner_where_the_process_is_to_stop(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "TRIES", (0.001,) * 9)
    for stopping, writes in ((False, 10), (True, TRIES_AT_A_STOP + 1)):
        store = Blip(app.store, 0)
        with pytest.raises(ConnectionError):
            settle_patiently(store, lambda tx: None, lambda stopping=stopping: stopping)  # type: ignore[misc]
        assert store.writes == writes


def test_what_the_house_refuses_is_not_tried_again(app: Application) -> None:
    tries = []

    def settle(tx: Transaction) -> None:
        tries.append(tx)
        raise Conflict("another sender has it")

    with pytest.raises(Conflict):
        settle_patiently(app.store, settle, lambda: False)
    assert len(tries) == 1


@pytest.fixture
def on_own_server(own_postgres: Server, clock: StoppedClock, tmp_path: Path) -> Iterator[Application]:
    """A house on a PostgreSQL server that the test may crash."""
    names = {"en": "The letter"}
    told = {
        "data_dir": tmp_path,
        "store": {"url": own_postgres.url()},
        "log": {"kind": "kafka", "bootstrap_servers": ["127.0.0.1:9"]},  # what is added stays in the outbox
        "digests": {"letter": {"names": names, "sender": "letter@observatory.example"}},
    }
    app = Application(Settings.model_validate(told), clock)
    migrate(app.store.engine)
    yield app
    app.close()


@pytest.fixture
def restart(own_postgres: Server) -> Iterator[Callable[[], None]]:
    """Crashes the server, once, and has it back after a second."""
    threads: list[threading.Thread] = []

    def back() -> None:
        time.sleep(1.0)
        own_postgres.start()

    def crash() -> None:
        if not threads:
            own_postgres.stop(how="immediate")
            threads.append(threading.Thread(target=back))
            threads[0].start()

    yield crash
    for thread in threads:
        thread.join()


def test_postgresql_restarts_while_later_attempts_are_settled(
    on_own_server: Application, clock: StoppedClock, restart: Callable[[], None]
) -> None:
    app, channel = on_own_server, Answers(reader1=[LATER], reader2=[LATER])
    mailing = with_retries(app, channel)
    clock.move(timedelta(minutes=5))
    channel.after = restart
    assert send_retries(make_sender(app, channel), mailing, 0) == 2
    assert counts(app, mailing) == {"sent": 3}
    with app.store.read() as tx:
        found = tx.ledger.mailing(mailing)
    assert found is not None and found.state is MailingState.FINISHED
    assert channel.mailed == {"reader1": 2, "reader2": 2, "reader3": 1}


def test_postgresql_restarts_while_notices_are_settled(
    on_own_server: Application, clock: StoppedClock, restart: Callable[[], None]
) -> None:
    app, channel = on_own_server, Answers()
    app.email = channel
    with app.store.write() as tx:
        add_people(tx, 2)
    ids = asked(app, 1, 2)
    channel.after = restart
    assert set(send_notices(sender_of(app), ids).values()) == {NoticeState.SENT}
    clock.move(timedelta(minutes=3))
    assert send_notices(sender_of(app), ids) == {}
    assert channel.mailed == {"reader1": 1, "reader2": 1}


def test_a_lease_that_cannot_be_renewed_keeps_no_other_back() -> None:
    renewed = threading.Event()

    def fails() -> None:
        raise ConnectionError("the database went away")

    with patience.renewing(timedelta(seconds=0.1), lambda: [fails, renewed.set]):
        assert renewed.wait(5)
