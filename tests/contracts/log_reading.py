"""The log's contract, on reading: order and offsets, topics, polls, groups, replay, what grows too old."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contracts.log_suite import LogSuite
from tests.log_world import PARTITIONS, TOPIC, WALL, Join, OpenLog, event, events, nothing_more, take, told, told_of
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.ports.log import EventLog, Message, Position, TopicSpec


class LogReading(LogSuite):
    """What is published is read, in order, from where a group stands."""

    # -- keys, partitions, offsets

    def test_events_of_a_key_stay_in_order_in_one_partition(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(keys=20, each=25))
        messages = take(join(), 500)
        by_key = defaultdict(list)
        places = defaultdict(set)
        for message, (key, number) in zip(messages, told(messages), strict=True):
            by_key[key].append(number)
            places[key].add(message.position.partition)
        assert all(numbers == list(range(25)) for numbers in by_key.values()) and len(by_key) == 20
        assert all(len(partitions) == 1 for partitions in places.values())

    def test_keys_spread_over_the_partitions(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(keys=100, each=1))
        assert {message.position.partition for message in take(join(), 100)} == set(range(PARTITIONS))

    def test_a_key_has_the_same_partition_in_every_process(self, log: EventLog, join: Join, open_log: OpenLog) -> None:
        for handle in (log, open_log(), open_log()):
            handle.publish(TOPIC, [event("the same key", 0)])
        assert len({message.position.partition for message in take(join(), 3)}) == 1

    def test_offsets_of_a_partition_begin_at_zero_and_rise_by_one(self, log: EventLog, join: Join) -> None:
        for some in (events(10, 3), events(7, 1), events(1, 5)):
            log.publish(TOPIC, some)
        offsets = defaultdict(list)
        for message in take(join(), 42):
            offsets[message.position.partition].append(message.position.offset)
        assert all(found == list(range(len(found))) for found in offsets.values())

    @pytest.mark.parametrize("value", [b"", b"\xff\x00 no event", "é 🦉 العربية".encode(), b"x" * 900_000])
    @pytest.mark.parametrize("key", ["", "clé 🦉", "k" * 300])
    def test_bytes_come_out_as_they_went_in(self, log: EventLog, join: Join, key: str, value: bytes) -> None:
        before = datetime.now(UTC) - timedelta(seconds=1)
        log.publish_raw(TOPIC, key, value)
        (message,) = take(join(), 1)
        assert (message.key, message.value) == (key, value)
        assert (message.attempts, message.replayed) == (0, False)
        assert before < message.published_at < datetime.now(UTC) + timedelta(seconds=1)

    def test_too_large_a_message_is_refused_with_its_size(self, log: EventLog) -> None:
        with pytest.raises(InvalidInput, match="bytes"):
            log.publish_raw(TOPIC, "key", b"x" * 1_100_000)

    def test_several_publishers_lose_nothing_and_keep_their_order(
        self, log: EventLog, join: Join, open_log: OpenLog
    ) -> None:
        def publish(name: int) -> None:
            handle = open_log()
            for number in range(0, 60, 3):
                handle.publish(TOPIC, [event(f"publisher-{name}", number + step) for step in range(3)])

        threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        messages = take(join(), 240)
        for thread in threads:
            thread.join()
        by_key = defaultdict(list)
        for key, number in told(messages):
            by_key[key].append(number)
        assert len(by_key) == 4 and all(numbers == list(range(60)) for numbers in by_key.values())

    # -- topics

    def test_a_topic_that_was_never_created_is_refused_by_name(self, log: EventLog) -> None:
        for attempt in (
            lambda: log.publish("nowhere", [event("key", 0)]),
            lambda: log.publish_raw("nowhere", "key", b""),
            lambda: log.consumer("group", ["nowhere"]),
            lambda: log.rewind("group", "nowhere", offset=0),
        ):
            with pytest.raises(NotFound, match="nowhere"):
                attempt()

    def test_creating_a_topic_again_changes_nothing_and_partitions_only_grow(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(10, 1))
        assert log.create_topics([TopicSpec(TOPIC, PARTITIONS, retention_hours=24)]) == {}
        more = [TopicSpec(TOPIC, PARTITIONS + 2, retention_hours=24), TopicSpec("new", PARTITIONS)]
        assert log.create_topics(more) == {TOPIC: PARTITIONS}
        with pytest.raises(Conflict, match=rf"Set \[log\] partitions to {PARTITIONS + 2} or more"):
            log.create_topics([TopicSpec(TOPIC, 2)])
        member = join()
        assert len(take(member, 10)) == 10
        log.publish(TOPIC, events(100, 1))
        assert {message.position.partition for message in take(member, 100)} == set(range(PARTITIONS + 2))

    def test_members_at_work_read_partitions_that_a_topic_gets_later(self, log: EventLog, join: Join) -> None:
        members = [join(), join()]
        self.settle(*members)
        log.create_topics([TopicSpec(TOPIC, PARTITIONS + 2, retention_hours=24)])
        self.settle(*members)
        log.publish(TOPIC, events(100, 1))
        found = [message for member in members for message in take(member, 100, 0.5)]
        assert len(found) == 100
        assert {message.position.partition for message in found} == set(range(PARTITIONS + 2))

    # -- polling

    def test_a_poll_holds_to_its_measure_and_goes_on_where_the_last_one_ended(self, log: EventLog, join: Join) -> None:
        member = join()
        self.settle(member)
        log.publish(TOPIC, events(keys=20, each=5))
        polls: list[Sequence[Message]] = []
        while found := member.poll(max_messages=7, timeout=1.0 if len(polls) < 15 else 0.2):
            polls.append(found)
        assert max(len(found) for found in polls) <= 7
        assert sorted(told([m for found in polls for m in found])) == sorted(told_of(events(20, 5)))

    def test_no_partition_starves_behind_a_long_one(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("long", number) for number in range(500)])
        log.publish(TOPIC, events(keys=40, each=1))
        member = join()
        first = take(member, 100)
        while len({message.position.partition for message in first}) < PARTITIONS and len(first) < 300:
            first += take(member, 50)
        assert len({message.position.partition for message in first}) == PARTITIONS

    def test_an_empty_poll_ends_after_its_time(self, log: EventLog, join: Join) -> None:
        member = join()
        self.settle(member)
        start = WALL.monotonic()
        assert not member.poll(timeout=0.3)
        assert 0.25 < WALL.monotonic() - start < 1.0

    def test_a_waiting_poll_wakes_up_for_what_another_process_publishes(
        self, log: EventLog, join: Join, open_log: OpenLog
    ) -> None:
        member = join()
        self.settle(member)
        other = open_log()
        timer = threading.Timer(0.2, lambda: other.publish(TOPIC, [event("key", 1)]))
        timer.start()
        start = WALL.monotonic()
        assert told(member.poll(timeout=5.0)) == [("key", 1)]
        assert WALL.monotonic() - start < 1.0
        timer.join()

    # -- groups and offsets

    def test_each_group_reads_everything_from_the_oldest_message(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(5, 2))
        for group in ("one", "another"):
            assert sorted(told(take(join(group), 10))) == sorted(told_of(events(5, 2)))

    def test_what_was_committed_does_not_come_again(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(5, 2))
        member = join()
        member.commit(message.position for message in take(member, 10))
        member.close()
        log.publish(TOPIC, [event("later", 0)])
        assert told(take(join(), 1)) == [("later", 0)]

    def test_what_was_not_committed_comes_again(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", number) for number in range(6)])
        member = join()
        messages = take(member, 6)
        member.commit([messages[3].position])  # and with it all before
        assert nothing_more(member)
        member.close()
        assert told(take(join(), 2)) == [("key", 4), ("key", 5)]

    def test_seek_reads_on_from_there(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", number) for number in range(6)])
        member = join()
        third = take(member, 6)[2].position
        member.seek(third)
        assert told(take(member, 4)) == [("key", number) for number in range(2, 6)]

    def test_seek_in_a_partition_of_nobody_is_a_conflict(self, log: EventLog, join: Join) -> None:
        member = join()
        self.settle(member)
        with pytest.raises(Conflict):
            member.seek(Position(TOPIC, PARTITIONS + 5, 0))

    def test_lag_counts_what_a_group_has_not_committed(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(10, 2))
        member = join()
        messages = take(member, 20)
        assert sum(lag.behind for lag in log.lag("group")) == 20
        by_place = defaultdict(list)
        for message in messages:
            by_place[message.position.partition].append(message.position)
        member.commit(positions[0] for positions in by_place.values())
        assert sum(lag.behind for lag in log.lag("group")) == 20 - len(by_place)
        member.commit(message.position for message in messages)
        assert [(lag.topic, lag.partition, lag.behind) for lag in log.lag("group")] == [
            (TOPIC, partition, 0) for partition in range(PARTITIONS)
        ]
        assert log.lag("nobody") == []
        assert {lag.group for lag in log.lag()} == {"group"}

    # -- replay

    def test_rewind_to_an_offset_brings_messages_again_and_says_so(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", number) for number in range(5)])
        member = join()
        member.commit(message.position for message in take(member, 5))
        member.close()
        log.rewind("group", TOPIC, offset=3)
        log.publish(TOPIC, [event("key", 5)])
        messages = take(join(), 3)
        assert told(messages) == [("key", 3), ("key", 4), ("key", 5)]
        assert [message.replayed for message in messages] == [True, True, False]

    def test_rewind_to_an_instant_begins_at_the_first_message_since(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(10, 1))
        WALL.sleep(0.05)
        instant = datetime.now(UTC)
        WALL.sleep(0.05)
        log.publish(TOPIC, [event(f"key-{key}", 7) for key in range(10)])
        member, other = join(), join("other")
        for one in (member, other):
            one.commit(message.position for message in take(one, 20))
            one.close()
        log.rewind("group", TOPIC, at=instant)
        member = join()
        assert sorted(told(take(member, 10))) == [(f"key-{key}", 7) for key in range(10)]
        assert nothing_more(member) and nothing_more(join("other"))

    def test_rewind_to_the_future_passes_over_what_is_there(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(10, 1))
        log.rewind("group", TOPIC, at=datetime.now(UTC) + timedelta(days=1))
        assert nothing_more(join())

    def test_rewind_fences_the_member_at_work(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(10, 1))
        member = join()
        messages = take(member, 10)
        log.rewind("group", TOPIC, offset=0)
        with pytest.raises(Conflict):
            member.commit(message.position for message in messages)
        assert sorted(told(take(member, 10))) == sorted(told(messages))

    @pytest.mark.parametrize("to", [{}, {"offset": 1, "at": datetime(2026, 1, 1, tzinfo=UTC)}])
    def test_rewind_wants_one_place(self, log: EventLog, to: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            log.rewind("group", TOPIC, **to)

    # -- retention

    unread_gone_hours = 25.0
    """After so long a message is gone that was to be kept for 24 hours and that a group has not read."""

    def test_what_is_too_old_goes_and_readers_go_on_behind_it(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(10, 2))
        log.publish("kept", events(1, 3))
        slow = join()
        slow.commit([take(slow, 1)[0].position])
        slow.close()
        assert log.expire(datetime.now(UTC) + timedelta(hours=23)) == 0
        assert log.expire(datetime.now(UTC) + timedelta(hours=self.unread_gone_hours)) == 20
        assert sum(lag.behind for lag in log.lag("group")) == 0
        log.publish(TOPIC, events(10, 1))
        messages = take(join(), 10)
        assert sorted(told(messages)) == sorted(told_of(events(10, 1)))
        assert min(message.position.offset for message in messages) > 0
        kept = log.consumer("keeper", ["kept"])
        assert len(take(kept, 3)) == 3
        kept.close()
