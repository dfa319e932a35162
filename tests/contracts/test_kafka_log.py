"""The log on Kafka keeps the log's contract, against a real broker, and what is its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition

from tests.contracts.log_contract import LogContract
from tests.log_world import TOPIC, WALL, OpenLog, event, events, take, told
from tribune.domain.errors import Conflict, NotFound
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.dead_letters import STUBS, DeadLetters, noted_replay
from tribune.log.kafka.dead_letters import TOPIC as TOPIC_OF_LETTERS
from tribune.log.kafka.log import KafkaLog
from tribune.log.kafka.member import KafkaMember
from tribune.log.kafka.publisher import Sending
from tribune.log.kafka.records import letter_key
from tribune.ports.clock import SystemClock
from tribune.ports.log import DeadLetter, EventLog, LogConsumer, MessageTooLarge, TopicSpec

pytestmark = pytest.mark.waits


@pytest.fixture
def open_log(cluster: Cluster) -> Iterator[OpenLog]:
    logs: list[KafkaLog] = []

    def _open() -> EventLog:
        logs.append(KafkaLog(cluster, SystemClock()))
        return logs[-1]

    yield _open
    for log in logs:
        log.close()


class TestKafkaLog(LogContract):
    """The shared suite."""

    settle_seconds = 3.0
    takeover_seconds = 8.0

    def silence(self, member: LogConsumer) -> None:
        assert isinstance(member, KafkaMember)
        member._ended.set()  # the keeper
        member._consumer._coordinator._disable_heartbeat()

    def publish_largest(self, log: EventLog, key: str) -> list[int]:
        assert isinstance(log, KafkaLog)
        sizes = [len(value) for value in (VERY_LARGE, PACKED)]
        publish_from_outside(log.cluster, key, VERY_LARGE)
        publish_from_outside(log.cluster, key, PACKED, compression_type="gzip")
        return sizes


VERY_LARGE = b"x" * 1_048_450
"""A broker's default takes just that in a batch of its own."""
PACKED = b"x" * 2_600_000


def publish_from_outside(cluster: Cluster, key: str, value: bytes, **settings: Any) -> None:
    """As a publisher does that is none of ours."""
    producer = KafkaProducer(bootstrap_servers=list(cluster.servers), max_request_size=8_000_000, **settings)
    producer.send(cluster.topic(TOPIC), value, key.encode()).get(20)
    producer.close()


class TestStubs:
    """A dead letter that is too large to be kept whole is a stub; a replay reads the whole where it stood first."""

    @staticmethod
    def buried(log: KafkaLog, *values: bytes, key: str = "key") -> KafkaMember:
        """A member of the group that gave these up, which stood on one partition."""
        log.create_topics([TopicSpec(TOPIC, 1)])
        for value in values:
            publish_from_outside(log.cluster, key, value, compression_type="gzip")
        member = log.consumer("group", [TOPIC])
        for message in take(member, len(values), 20.0):
            log.bury("group", message, "It is broken.", "a frame\n" * 3_000, 1)
            member.commit([message.position])
        return member

    def test_one_is_given_back_whole_from_where_it_stood(self, open_log: OpenLog) -> None:
        log = open_log()
        assert isinstance(log, KafkaLog)
        value = b"y" * 1_040_000  # a retry says less of it than a dead letter does
        member = self.buried(log, value)
        (letter,) = log.dead_letters()
        assert letter.whole_bytes == len(value) and len(letter.value) == STUBS[0]
        assert log.replay_dead([letter.id]) == 1
        (again,) = take(member, 1)
        assert (again.value, again.key, again.first_position) == (value, "key", letter.position)
        member.commit([again.position])
        member.close()
        (letter,) = log.dead_letters()
        assert letter.replayed_at is not None and letter.whole_bytes == len(value)

    def test_what_is_too_large_to_be_given_back_is_named_and_the_others_are_given_back(self, open_log: OpenLog) -> None:
        log = open_log()
        assert isinstance(log, KafkaLog)
        member = self.buried(log, PACKED, b"small")
        letters = log.dead_letters()
        large = next(one for one in letters if one.whole_bytes)
        with pytest.raises(Conflict, match=r"too large to be given back.*rewind group catalogue --offset 0") as told:
            log.replay_dead([one.id for one in letters])
        assert str(large.id) in str(told.value) and "1 dead letter is back" in str(told.value)
        (again,) = take(member, 1)
        assert again.value == b"small"
        member.close()
        assert {one.whole_bytes: one.replayed_at is not None for one in log.dead_letters()} == {
            len(PACKED): False,
            None: True,
        }

    def test_what_is_gone_from_its_topic_is_named(self, open_log: OpenLog) -> None:
        log = open_log()
        assert isinstance(log, KafkaLog)
        self.buried(log, b"y" * 1_040_000).close()
        log.publish(TOPIC, [event("key", 0)])
        log.admin.delete_below({TopicPartition(log.cluster.topic(TOPIC), 0): 1})
        (letter,) = log.dead_letters()
        with pytest.raises(Conflict, match=r"gone from catalogue/0/0"):
            log.replay_dead([letter.id])
        assert log.dead_letters()[0].replayed_at is None

    def test_a_long_key_is_no_obstacle_and_a_broker_that_takes_little_none_either(self, open_log: OpenLog) -> None:
        log = open_log()
        assert isinstance(log, KafkaLog)
        log.create_topics([TopicSpec(TOPIC, 1)])
        log.admin.create({TOPIC_OF_LETTERS: 1}, {TOPIC_OF_LETTERS: {"max.message.bytes": "5000"}})
        self.buried(log, b"y" * 600_000, key="k" * 300_000).close()
        (letter,) = log.dead_letters()
        assert (len(letter.value), letter.whole_bytes) == (STUBS[-1], 600_000)
        assert letter.key and letter.key != "k" * 300_000 and letter.detail.startswith("a frame")

    def test_one_that_this_broker_does_not_take_costs_the_others_nothing(self, open_log: OpenLog) -> None:
        """kafka-python's producer fails everything for good once the broker has refused a message for its size."""
        log = open_log()
        assert isinstance(log, KafkaLog)
        log.create_topics([TopicSpec(TOPIC, 1)])
        log.admin.create({TOPIC: 1}, {TOPIC: {"max.message.bytes": "200000"}})
        sizes = (10, 150_000, 400_000, 20, 150_001, 500_000, 30)  # a batch of its own for most of them
        answers = log.publisher.try_all([Sending.of(TOPIC, "key", b"z" * size, []) for size in sizes])
        assert [type(answer) for answer in answers] == [
            MessageTooLarge if size > 200_000 else type(None) for size in sizes
        ]
        log.publish(TOPIC, [event("key", 0)])
        found: list[int] = []
        log.reader.read(log.admin.spans({TOPIC: 1}), lambda record: found.append(len(record.value)))
        assert {size for size in found if size in sizes} == {10, 150_000, 20, 150_001, 30}
        assert found[-1] not in sizes, "what is published afterwards is there too"

    def test_a_retry_that_is_too_large_says_so(self, open_log: OpenLog) -> None:
        log = open_log()
        assert isinstance(log, KafkaLog)
        log.create_topics([TopicSpec(TOPIC, 1)])
        publish_from_outside(log.cluster, "key", PACKED, compression_type="gzip")
        member = log.consumer("group", [TOPIC])
        (message,) = take(member, 1, 20.0)
        with pytest.raises(MessageTooLarge):
            log.retry("group", message, not_before=datetime.now(UTC), reason="later")
        member.close()


class TestRetries:
    """A retry topic is handled out of order, and nothing of it is lost or blocked."""

    def test_one_that_waits_long_blocks_neither_another_nor_the_partition(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec(TOPIC, 1)])
        log.publish(TOPIC, [event("key", number) for number in range(4)])
        member = log.consumer("group", [TOPIC])
        messages = take(member, 4, 20.0)
        log.retry("group", messages[0], not_before=datetime.now(UTC) + timedelta(hours=1), reason="much later")
        for message in messages[1:]:
            log.retry("group", message, not_before=datetime.now(UTC), reason="now")
        member.commit(message.position for message in messages)
        again = take(member, 3)
        assert sorted(told(again)) == [("key", 1), ("key", 2), ("key", 3)]
        member.commit(message.position for message in again)
        member.close()
        (waiting,) = log.waiting("group")
        assert waiting.position == messages[0].position
        heir = log.consumer("group", [TOPIC])
        assert not take(heir, 1, 2.0)  # those that are done do not come again, though one before them waits
        heir.close()

    def test_a_crash_between_the_retry_and_its_commit_leaves_one_retry(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec(TOPIC, 1)])
        log.publish(TOPIC, [event("key", 0)])
        member = log.consumer("group", [TOPIC])
        (message,) = take(member, 1, 20.0)
        for _ in range(2):
            log.retry("group", message, not_before=datetime.now(UTC) + timedelta(seconds=1), reason="later")
        member.commit([message.position])
        assert len(log.waiting("group")) == 1
        assert len(take(member, 2, 4.0)) == 1
        member.close()


class TestDeadLetters:
    """The last death counts, whatever is written about the one before, and whatever the broker compacts."""

    def test_a_death_between_the_replay_and_its_note_stands_after_compaction_too(
        self, open_log: OpenLog, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = open_log()
        assert isinstance(log, KafkaLog)
        log.create_topics([TopicSpec(TOPIC, 1)])
        log.publish(TOPIC, [event("key", number) for number in range(2)])
        member = log.consumer("group", [TOPIC])
        dies, lives = take(member, 2, 20.0)
        for message in (dies, lives):
            log.bury("group", message, "First.", "", 1)
        send = log.publisher.try_all

        def send_slowly(messages: Sequence[Sending]) -> list[Exception | None]:
            answers = send(messages)
            if messages[0].topic.startswith("retry."):
                monkeypatch.setattr(log.publisher, "try_all", send)
                log.bury("group", dies, "Second.", "", 1)
            return answers

        monkeypatch.setattr(log.publisher, "try_all", send_slowly)
        log.replay_dead([letter.id for letter in log.dead_letters()])
        member.close()

        def told(letters: Sequence[DeadLetter]) -> dict[int, tuple[str, bool]]:
            return {one.position.offset: (one.reason, one.replayed_at is not None) for one in letters}

        stands = {dies.position.offset: ("Second.", False), lives.position.offset: ("First.", True)}
        assert told(log.dead_letters()) == stands
        compacted = DeadLetters(cluster, log.admin, log.reader)
        last: dict[bytes, Any] = {}

        def keep_last(record: Any) -> None:
            last.pop(record.key, None)
            last[record.key] = record

        log.reader.read(log.admin.spans({TOPIC_OF_LETTERS: 1}), keep_last)
        for record in last.values():
            compacted._see(record)
        assert told(compacted.all()) == stands

    def test_a_note_of_an_older_version_counts_unless_the_message_died_again(
        self, open_log: OpenLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = open_log()
        assert isinstance(log, KafkaLog)
        log.create_topics([TopicSpec(TOPIC, 1)])
        log.publish(TOPIC, [event("key", number) for number in range(2)])
        member = log.consumer("group", [TOPIC])
        messages = take(member, 2, 20.0)
        member.close()
        for message in messages:
            log.bury("group", message, "First.", "", 1)
        first = log.dead_letters()
        log.bury("group", messages[0], "Second.", "", 1)
        for letter in first:
            note = noted_replay(letter, datetime.now(UTC))
            log.publisher.send([note._replace(key=letter_key("group", letter.position), value=letter.value)])
        told = {one.position: (one.reason, one.replayed_at is not None) for one in log.dead_letters()}
        assert told == {messages[0].position: ("Second.", False), messages[1].position: ("First.", True)}


class TestMembership:
    """A member at long work lives, and the group goes on beside it; one that is stuck does not."""

    def test_a_member_in_a_long_handler_keeps_its_partitions(self, cluster: Cluster) -> None:
        log = KafkaLog(replace(cluster, rebalance_seconds=3.0), SystemClock())
        log.create_topics([TopicSpec(TOPIC, 4)])
        log.publish(TOPIC, events(20, 1))
        busy = log.consumer("group", [TOPIC])
        messages = take(busy, 20, 20.0)
        WALL.sleep(8.0)  # longer than a session, and than a group waits for a member
        busy.commit(message.position for message in messages)
        assert not any(lag.behind for lag in log.lag("group"))
        busy.close()
        log.close()

    def test_a_joiner_need_not_wait_for_who_is_at_long_work(self, cluster: Cluster) -> None:
        log = KafkaLog(cluster, SystemClock())
        log.create_topics([TopicSpec(TOPIC, 4)])
        log.publish(TOPIC, events(40, 1))
        busy, joiner = log.consumer("group", [TOPIC]), log.consumer("group", [TOPIC])
        messages = take(busy, 40, 20.0)
        found = take(joiner, 1, 15.0)  # busy does not poll meanwhile
        assert found
        theirs = {(message.position.topic, message.position.partition) for message in take(joiner, 40, 2.0)}
        theirs |= {(message.position.topic, message.position.partition) for message in found}
        kept = [m.position for m in messages if (m.position.topic, m.position.partition) not in theirs]
        gone = [m.position for m in messages if (m.position.topic, m.position.partition) in theirs]
        assert kept and gone
        busy.commit(kept)
        with pytest.raises(Conflict):
            busy.commit(gone)
        busy.close()
        joiner.close()
        log.close()

    def test_a_join_that_is_answered_between_two_polls_is_not_begun_again(self, cluster: Cluster) -> None:
        log = KafkaLog(cluster, SystemClock())
        log.create_topics([TopicSpec(TOPIC, 4)])
        consumer = cluster.member("group")
        consumer.subscribe(topics=[cluster.topic(TOPIC)])
        for _ in range(20):
            consumer.poll(timeout_ms=1)
            WALL.sleep(0.2)
        assert consumer.assignment() and consumer.group_metadata().generation_id <= 2
        consumer.close(autocommit=False)
        log.close()

    def test_a_member_that_is_stuck_is_fenced(self, cluster: Cluster) -> None:
        log = KafkaLog(replace(cluster, rebalance_seconds=2.0, work_seconds=1.0), SystemClock())
        log.create_topics([TopicSpec(TOPIC, 4)])
        log.publish(TOPIC, events(20, 1))
        stuck, heir = log.consumer("group", [TOPIC]), log.consumer("group", [TOPIC])
        messages = take(stuck, 20, 20.0)
        assert len(take(heir, 20, 20.0)) == 20
        with pytest.raises(Conflict):
            stuck.commit(message.position for message in messages)
        stuck.close()
        heir.close()
        log.close()


def test_a_group_that_was_prepared_is_seen_to_be_behind_before_it_has_a_member(cluster: Cluster) -> None:
    log = KafkaLog(cluster, SystemClock())
    log.create_topics([TopicSpec(TOPIC, 4)])
    log.publish(TOPIC, events(10, 1))
    for _ in range(2):
        log.prepare_group("group", [TOPIC])
        assert sum(lag.behind for lag in log.lag()) == 10
    with pytest.raises(NotFound, match="nowhere"):
        log.prepare_group("group", ["nowhere"])
    log.close()


def test_an_event_is_a_cloudevent_in_structured_mode(cluster: Cluster) -> None:
    log = KafkaLog(cluster, SystemClock())
    log.create_topics([TopicSpec(TOPIC, 1)])
    log.publish(TOPIC, [event("key", 0)])
    records: list[object] = []
    log.reader.read(log.admin.spans({TOPIC: 1}), records.append)
    (record,) = records
    assert record.headers == [("content-type", b"application/cloudevents+json; charset=utf-8")]  # type: ignore[attr-defined]
    assert record.key == b"key" and record.value.startswith(b'{"specversion":"1.0"')  # type: ignore[attr-defined]
    log.close()


def test_retention_is_told_to_the_broker_and_follows_its_declaration(cluster: Cluster) -> None:
    log = KafkaLog(cluster, SystemClock())
    log.create_topics([TopicSpec(TOPIC, 1, retention_hours=24), TopicSpec("kept", 1, None)])
    assert log.admin.retention([TOPIC, "kept"]) == {TOPIC: 24 * 3_600_000, "kept": -1}
    log.create_topics([TopicSpec(TOPIC, 1, retention_hours=48), TopicSpec("kept", 1, 1)])
    assert log.admin.retention([TOPIC, "kept"]) == {TOPIC: 48 * 3_600_000, "kept": 3_600_000}, "and it waits for it"
    log.close()


def test_the_newest_messages_are_seen_without_a_group(cluster: Cluster) -> None:
    from tribune.log.kafka.view import KafkaView

    log = KafkaLog(cluster, SystemClock())
    log.create_topics([TopicSpec(TOPIC, 4), TopicSpec("kept", 1)])
    log.publish(TOPIC, events(20, 2))
    WALL.sleep(0.01)
    log.publish("kept", [event("needle", 77)])
    view = KafkaView(log.admin, log.reader, cluster.prefix)
    assert told(view.newest([TOPIC, "kept", "nowhere"], limit=1)) == [("needle", 77)]
    assert len(view.newest([TOPIC], limit=30)) == 30
    assert told(view.newest([TOPIC, "kept"], limit=9, containing="needle")) == [("needle", 77)]
    assert log.lag() == []
    log.close()


def test_another_installation_on_the_same_brokers_is_not_seen(cluster: Cluster) -> None:
    ours = KafkaLog(cluster, SystemClock())
    theirs = KafkaLog(replace(cluster, prefix="x" + cluster.prefix), SystemClock())
    for log in (ours, theirs):
        log.create_topics([TopicSpec(TOPIC, 1)])
        log.publish(TOPIC, [event("key", 0)])
        log.prepare_group("group", [TOPIC])
    ours.rewind("group", TOPIC, at=datetime.now(UTC) + timedelta(days=1))
    assert [lag.behind for lag in ours.lag()] == [0] and [lag.behind for lag in theirs.lag()] == [1]
    assert TopicPartition(cluster.prefix + TOPIC, 0) in ours.admin.offsets(["group"])["group"]
    ours.close()
    theirs.close()
