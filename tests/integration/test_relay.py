"""The outbox on PostgreSQL and the relay to Kafka: nothing lost, in order, whatever goes away meanwhile."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from producers import relay
from tests import postgres_server
from tests.log_world import WALL, event, events, take, told
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.errors import ConfigurationError, InvalidInput, NotFound
from tribune.domain.events import CloudEvent
from tribune.domain.topics import CATALOGUE
from tribune.log.kafka.cluster import Cluster
from tribune.ports.clock import SystemClock
from tribune.ports.relay import Outgoing
from tribune.services.events.event_codec import encode
from tribune.services.events.relay_outbox import relay_outbox
from tribune.store.outbox import SqlOutboxQueue
from tribune.store.tables import outbox as table

pytestmark = pytest.mark.waits


@pytest.fixture
def house(postgres: Server, cluster: Cluster, tmp_path: Path) -> Iterator[Application]:
    """The house on PostgreSQL and Kafka, prepared."""
    with postgres_server.database(postgres) as url:
        settings = Settings.model_validate(
            {
                "data_dir": tmp_path,
                "store": {"url": url},
                "log": {
                    "kind": "kafka",
                    "bootstrap_servers": cluster.servers,
                    "prefix": cluster.prefix,
                    "session_seconds": 2.0,
                },
            }
        )
        app = Application(settings, SystemClock())
        app.prepare()
        yield app
        app.close()


class Relays:
    """Relays at work, as threads."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self, app: Application) -> None:
        self.threads.append(threading.Thread(target=relay.run, args=(app, self.stop), daemon=True))
        self.threads[-1].start()

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(15)
        assert not any(thread.is_alive() for thread in self.threads)


@pytest.fixture
def relays(house: Application) -> Iterator[Relays]:
    relays = Relays()
    yield relays
    relays.end()


def emptied(app: Application, seconds: float = 20.0) -> bool:
    until = WALL.monotonic() + seconds
    while app.outbox_queue.state().waiting and WALL.monotonic() < until:
        WALL.sleep(0.02)
    return not app.outbox_queue.state().waiting


def add(app: Application, *some: CloudEvent) -> None:
    with app.store.write() as tx:
        tx.outbox.add(*some)


def test_events_reach_the_log_in_order_and_leave_the_outbox(house: Application, relays: Relays) -> None:
    relays.start(house)
    for number in range(50):
        add(house, *(event(f"key-{key}", number) for key in range(20)))
    assert emptied(house)
    member = house.log.consumer("reader", [CATALOGUE])
    by_key = defaultdict(list)
    for key, number in told(take(member, 1_000, 20.0)):
        by_key[key].append(number)
    member.close()
    assert len(by_key) == 20 and all(numbers == list(range(50)) for numbers in by_key.values())


def test_what_was_rolled_back_is_never_told(house: Application, relays: Relays) -> None:
    relays.start(house)
    with pytest.raises(ZeroDivisionError), house.store.write() as tx:
        tx.outbox.add(event("key", 0))
        1 / 0  # noqa: B018
    add(house, event("key", 1))
    assert emptied(house)
    member = house.log.consumer("reader", [CATALOGUE])
    assert told(take(member, 2, 2.0)) == [("key", 1)]
    member.close()


def test_a_number_that_appears_late_is_not_lost(house: Application, relays: Relays) -> None:
    relays.start(house)
    with house.store.write() as tx:
        tx.outbox.add(event("early", 0))  # takes its number, and commits last
        add(house, event("late", 0))
        assert emptied(house)
    assert emptied(house)
    member = house.log.consumer("reader", [CATALOGUE])
    assert sorted(told(take(member, 2))) == [("early", 0), ("late", 0)]
    member.close()


def test_one_relay_works_and_another_takes_over_when_it_is_cut_off(house: Application, relays: Relays) -> None:
    other = Application(house.settings, SystemClock())
    with house.outbox_queue.hold() as held, other.outbox_queue.hold() as second:
        assert held is not None and second is None
    with other.outbox_queue.hold() as held:
        assert held is not None
    relays.start(house)
    relays.start(other)
    for number in range(30):
        add(house, *(event(f"key-{key}", number) for key in range(20)))
        if number % 10 == 5:  # cut every connection that holds an advisory lock: the relay at work loses its hold
            with house.store.engine.connect() as connection, connection.begin():
                connection.execute(
                    text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1")
                )
    assert emptied(house)
    member = house.log.consumer("reader", [CATALOGUE])
    first: dict[str, list[int]] = defaultdict(list)
    for key, number in told(take(member, 5_000, 3.0)):
        if number not in first[key]:
            first[key].append(number)
    member.close()
    assert len(first) == 20 and all(numbers == list(range(30)) for numbers in first.values())
    relays.end()
    other.close()


def test_a_hold_lasts_while_publishing_takes_long_and_a_standby_is_left_alone(house: Application) -> None:
    engine = house.store.engine
    add(house, event("key", 0))
    with SqlOutboxQueue(engine, silence=0.5).hold() as held:
        assert held is not None
        (row,) = held.first(10)
        with SqlOutboxQueue(engine, silence=0.5).hold() as second:
            assert second is None
        WALL.sleep(1.5)
        held.delete([row.id])
    assert house.outbox_queue.state().waiting == 0
    with ExitStack() as stack:
        for _ in range(5):  # whatever is in the pool
            session = stack.enter_context(engine.connect())
            assert session.scalar(text("SHOW idle_session_timeout")) == "0"


def test_what_can_never_be_published_is_set_aside_and_stops_nobody(house: Application, relays: Relays) -> None:
    row = {"topic": CATALOGUE, "key": "key", "value": b"x" * 1_100_000, "added_at": datetime.now(UTC)}
    with house.store.engine.begin() as connection:
        connection.execute(insert(table), [row, row | {"topic": "nowhere", "value": encode(event("key", 7))}])
    add(house, event("key", 1))
    relays.start(house)
    member = house.log.consumer("reader", [CATALOGUE])
    assert told(take(member, 1, 20.0)) == [("key", 1)]
    until = WALL.monotonic() + 10
    while house.outbox_queue.state().waiting != 1 and WALL.monotonic() < until:
        WALL.sleep(0.05)
    state = house.outbox_queue.state()
    assert (state.waiting, state.aside) == (1, 1)  # the one of the missing topic waits for it
    (one,) = house.outbox_queue.aside()
    assert (one.topic, one.key, len(one.value)) == (CATALOGUE, "key", 1_100_000)
    assert house.outbox_queue.put_back([one.id, 4711]) == 1
    until = WALL.monotonic() + 10
    while not house.outbox_queue.state().aside and WALL.monotonic() < until:
        WALL.sleep(0.05)
    assert [again.id for again in house.outbox_queue.aside()] == [one.id], "it is no smaller than it was"
    member.close()


class _Scripted:
    """Answers as it is told to."""

    def __init__(self, answers: dict[int, Exception]) -> None:
        self.answers = answers
        self.seen: list[int] = []

    def publish_all(self, rows: list[Outgoing]) -> list[Exception | None]:
        self.seen += [row.id for row in rows]
        return [self.answers.get(row.id) for row in rows]


class _List:
    def __init__(self, rows: list[Outgoing]) -> None:
        self.rows = rows
        self.aside: list[int] = []

    def first(self, limit: int, passing_over: object = ()) -> list[Outgoing]:
        return self.rows[:limit]

    def delete(self, ids: list[int]) -> None:
        self.rows = [row for row in self.rows if row.id not in ids]

    def set_aside(self, ids: list[int]) -> None:
        self.aside += ids


def test_a_failure_holds_back_later_events_of_its_key_only() -> None:
    outbox = _List([Outgoing(n, "t", "ab"[n % 2], b"") for n in range(6)])
    done = relay_outbox(outbox, _Scripted({2: ConnectionError("away")}))  # type: ignore[arg-type]
    assert [row.id for row in outbox.rows] == [2, 4] and done.published == 4
    assert isinstance(done.failure, ConnectionError)


def test_what_is_refused_goes_aside_and_a_missing_topic_is_told() -> None:
    outbox = _List([Outgoing(n, f"t{n}", "k", b"") for n in range(4)])
    done = relay_outbox(outbox, _Scripted({1: InvalidInput("too large"), 2: NotFound("no topic")}))  # type: ignore[arg-type]
    assert outbox.aside == [1] and done.missing == ("t2",) and done.failure is None
    assert [row.id for row in outbox.rows] == [1, 2]


@pytest.mark.parametrize(
    ("url", "kind"), [("sqlite:///x.sqlite3", "kafka"), ("postgresql://u@127.0.0.1:1/none", "embedded")]
)
def test_other_pairs_are_refused(url: str, kind: str) -> None:
    app = Application(Settings.model_validate({"store": {"url": url}, "log": {"kind": kind}}))
    with pytest.raises(ConfigurationError, match="do not go together"):
        _ = app.store


def test_the_rate(house: Application, relays: Relays) -> None:
    """Not a bench: that 2,000 events do not take for ever."""
    queue = house.outbox_queue
    assert isinstance(queue, SqlOutboxQueue)
    add(house, *events(200, 10))
    begin = WALL.monotonic()
    relays.start(house)
    assert emptied(house)
    print(f"{2_000 / (WALL.monotonic() - begin):,.0f} events a second")
