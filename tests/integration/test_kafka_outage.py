"""The broker goes away and comes back: publishers, consumers and the relay go on by themselves, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from consumers import loop
from producers import relay
from tests import postgres_server
from tests.kafka_broker import Broker, free_port, own_broker
from tests.log_world import TOPIC, WALL, event, take, told
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.errors import Conflict
from tribune.domain.events import CloudEvent
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.errors import BrokerAway
from tribune.log.kafka.log import KafkaLog
from tribune.log.kafka.records import message_of
from tribune.ports.clock import SystemClock
from tribune.ports.log import Message, TopicSpec
from tribune.ports.store import Transaction

pytestmark = pytest.mark.waits


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that these tests may kill."""
    with own_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def log(mine: Broker, request: pytest.FixtureRequest) -> Iterator[KafkaLog]:
    cluster = Cluster(
        (mine.server,), f"{request.node.name[:30]}.", session_seconds=2.0, request_seconds=2.0, delivery_seconds=2.0
    )
    log = KafkaLog(cluster, SystemClock())
    log.create_topics([TopicSpec(TOPIC, 4)])
    yield log
    log.close()


def eventually(what: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = WALL.monotonic() + seconds
    while not what():
        if WALL.monotonic() > until:
            return False
        WALL.sleep(0.1)
    return True


def test_a_batch_that_outlived_its_time_hangs_nobody(mine: Broker, log: KafkaLog) -> None:
    """kafka-python's producer would hang for good here: its futures never resolve, even once the broker is back."""
    log.publish(TOPIC, [event("key", 0)])
    before = threading.active_count()
    mine.kill()
    for number in range(1, 4):
        begin = WALL.monotonic()
        with pytest.raises(BrokerAway):
            log.publish(TOPIC, [event("key", number)])
        assert WALL.monotonic() - begin < 20
    mine.start()
    log.publish(TOPIC, [event("key", 9)])
    numbers = [number for _, number in told(everything(log))]
    assert numbers[0] == 0 and numbers[-1] == 9
    assert threading.active_count() <= before + 2  # no thread is left behind by those that were thrown away


def everything(log: KafkaLog) -> list[Message]:
    """What is on the topic."""
    found: list[Message] = []
    log.reader.read(log.admin.spans({TOPIC: 4}), lambda record: found.append(message_of(record, TOPIC)))
    return found


def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(mine: Broker, log: KafkaLog) -> None:
    acknowledged: list[int] = []
    stop = threading.Event()

    def publish() -> None:
        number = 0
        while not stop.is_set():
            try:
                log.publish(TOPIC, [event(f"key-{number % 7}", number)])
            except BrokerAway:
                stop.wait(0.2)
                continue  # the same again
            acknowledged.append(number)
            number += 1

    thread = threading.Thread(target=publish)
    thread.start()
    for _ in range(2):
        count = len(acknowledged)
        assert eventually(lambda count=count: len(acknowledged) > count + 50)  # type: ignore[misc]
        mine.kill()
        mine.start()
    count = len(acknowledged)
    assert eventually(lambda: len(acknowledged) > count + 50)
    stop.set()
    thread.join(30)
    numbers = [number for _, number in told(everything(log))]
    assert set(numbers) >= set(acknowledged)


def test_a_member_reads_on_after_the_broker_is_back(mine: Broker, log: KafkaLog) -> None:
    member = log.consumer("group", [TOPIC])
    log.publish(TOPIC, [event("key", 0)])
    messages = take(member, 1, 20.0)
    mine.kill()
    with pytest.raises((BrokerAway, Conflict)):
        member.commit(message.position for message in messages)
    mine.start()
    begin = WALL.monotonic()
    log.publish(TOPIC, [event("key", 1)])
    found: list[tuple[str, int]] = []
    while ("key", 1) not in found and WALL.monotonic() - begin < 40:
        try:
            found += told(member.poll(timeout=0.5))
        except BrokerAway:
            continue
    print(f"read on {WALL.monotonic() - begin:.1f} s after the broker was back")
    assert ("key", 1) in found
    member.close()


def test_loop_and_relay_survive_the_death_of_the_broker(mine: Broker, postgres: Server, tmp_path: Path) -> None:
    with postgres_server.database(postgres) as url:
        told_log = {"kind": "kafka", "bootstrap_servers": (mine.server,), "prefix": "loop.", "session_seconds": 2.0}
        told_log |= {"request_timeout_seconds": 3.0, "delivery_timeout_seconds": 3.0}
        app = Application(
            Settings.model_validate({"data_dir": tmp_path, "store": {"url": url}, "log": told_log}), SystemClock()
        )
        app.prepare()
        handled: list[tuple[str, int]] = []

        def handle(tx: Transaction, one: CloudEvent) -> None:
            handled.append((one.key, one.data["item"]))

        consumer = loop.Consumer("digests", (TOPIC,), {"item.released": handle})
        stop = threading.Event()
        threads = [
            threading.Thread(target=loop.run, args=(consumer, app, stop)),
            threading.Thread(target=relay.run, args=(app, stop)),
        ]
        for thread in threads:
            thread.start()
        wanted = 0
        for round in range(3):
            with app.store.write() as tx:
                tx.outbox.add(*(event(f"key-{n}", round) for n in range(20)))
            wanted += 20
            if round < 2:
                WALL.sleep(1.0)
                mine.kill()
                with app.store.write() as tx:
                    tx.outbox.add(*(event(f"away-{n}", round) for n in range(20)))
                wanted += 20
                WALL.sleep(2.0)
                mine.start()
        begin = WALL.monotonic()
        assert eventually(lambda: len(set(handled)) == wanted)
        print(f"all handled {WALL.monotonic() - begin:.1f} s after the last restart")
        assert eventually(lambda: not app.outbox_queue.state().waiting)
        stop.set()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        assert len(handled) == wanted  # and each once: the inbox knows what comes again
        app.close()


def test_a_broker_that_is_away_is_told_quickly_and_in_plain_words(mine: Broker) -> None:
    log = KafkaLog(replace(Cluster((f"127.0.0.1:{free_port()}",)), request_seconds=2.0), SystemClock())
    begin = WALL.monotonic()
    with pytest.raises(BrokerAway, match=r"127\.0\.0\.1"):
        log.lag()
    assert WALL.monotonic() - begin < 20
    log.close()
