"""What every event log does: each adapter runs this suite (tests/contracts/test_*_log.py).

It knows nothing of files or brokers. An adapter gives the fixture `open_log`: each call opens the same log once more,
as another process would. Where adapters differ in patience, they set the class's figures.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.events import CloudEvent, ItemReleased
from tribune.ports.clock import SystemClock
from tribune.ports.log import Backlog, EventLog, LogConsumer, Message, Position, TopicSpec
from tribune.services.events.event_codec import decode, new_event

OpenLog = Callable[[], EventLog]
Join = Callable[..., LogConsumer]
TOPIC, PARTITIONS = "catalogue", 4
WALL = SystemClock()


def event(key: str, number: int) -> CloudEvent:
    """The event number `number` of a key."""
    data = ItemReleased(number, "en", number)
    return new_event("item.released", data, source="/contract", key=key, revision=number + 1, time=datetime.now(UTC))


def events(keys: int, each: int) -> list[CloudEvent]:
    """For each of `keys` keys, `each` events; keys take turns."""
    return [event(f"key-{key}", number) for number in range(each) for key in range(keys)]


def told(messages: Sequence[Message]) -> list[tuple[str, int]]:
    """Key and number of each message."""
    out = []
    for message in messages:
        read = decode(message.value, key=message.key, received_at=message.published_at).event
        assert read.key == message.key
        out.append((message.key, read.data["item"]))
    return out


def take(member: LogConsumer, count: int, seconds: float = 10.0) -> list[Message]:
    """Poll until there are `count` messages, or time is up."""
    found: list[Message] = []
    until = WALL.monotonic() + seconds
    while len(found) < count and WALL.monotonic() < until:
        found += member.poll(max_messages=count - len(found), timeout=0.2)
    return found


def nothing_more(member: LogConsumer) -> bool:
    """Whether polling brings nothing."""
    return not member.poll(timeout=0.2)


class LogContract:
    """The suite. An adapter's test class inherits it and gives `open_log`."""

    settle_seconds = 0.5
    """How long partitions take to find their members."""

    takeover_seconds = 3.0
    """How long it takes at most until a silent member's partitions are read by another."""

    @pytest.fixture
    def log(self, open_log: OpenLog) -> EventLog:
        log = open_log()
        log.create_topics([TopicSpec(TOPIC, PARTITIONS, retention_hours=24), TopicSpec("kept", 1, None)])
        return log

    @pytest.fixture
    def join(self, log: EventLog) -> Iterator[Join]:
        opened: list[LogConsumer] = []

        def enter(group: str = "group", through: EventLog | None = None) -> LogConsumer:
            opened.append((through or log).consumer(group, [TOPIC]))
            return opened[-1]

        yield enter
        for member in opened:
            member.close()

    def silence(self, member: LogConsumer) -> None:
        """Make a member fall silent without leaving, as a killed process does."""
        raise NotImplementedError

    def settle(self, *members: LogConsumer) -> None:
        """Let partitions find their members while there is nothing to read."""
        until = WALL.monotonic() + self.settle_seconds
        while WALL.monotonic() < until:
            for member in members:
                assert not member.poll(timeout=0.02)

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

    # -- members

    def test_members_share_the_partitions_out(self, log: EventLog, join: Join, open_log: OpenLog) -> None:
        first, second = join(), join(through=open_log())
        self.settle(first, second)
        log.publish(TOPIC, events(100, 1))
        one, other = take(first, 100, 1.0), take(second, 100, 1.0)
        places = [{message.position.partition for message in found} for found in (one, other)]
        assert places[0].isdisjoint(places[1]) and len(places[0]) == len(places[1]) == PARTITIONS // 2
        assert sorted(told(one + other)) == sorted(told_of(events(100, 1)))

    def test_more_members_than_partitions_leave_some_idle_and_lose_nothing(self, log: EventLog, join: Join) -> None:
        members = [join() for _ in range(PARTITIONS + 2)]
        self.settle(*members)
        log.publish(TOPIC, events(100, 1))
        found = [take(member, 100, 0.3) for member in members]
        assert sum(map(len, found)) == 100 and sum(1 for one in found if not one) >= 2

    def test_a_joiner_gets_its_share_without_doubling_what_was_committed(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, events(50, 2))
        first = join()
        messages = take(first, 100)
        first.commit(message.position for message in messages)
        second = join()
        self.settle(first, second)
        log.publish(TOPIC, events(50, 1))
        one, other = take(first, 50, 1.0), take(second, 50, 1.0)
        assert one and other and len(one) + len(other) == 50

    def test_close_hands_over_at_once(self, log: EventLog, join: Join) -> None:
        first, second = join(), join()
        self.settle(first, second)
        log.publish(TOPIC, events(40, 1))
        first.close()
        start = WALL.monotonic()
        assert len(take(second, 40)) == 40
        assert WALL.monotonic() - start < max(self.settle_seconds, 1.0)

    def test_closing_twice_or_before_the_first_poll_is_no_fault(self, log: EventLog, join: Join) -> None:
        member = join()
        member.close()
        member.close()

    def test_a_silent_members_work_is_done_by_another_and_its_commit_is_fenced(
        self, log: EventLog, join: Join, open_log: OpenLog
    ) -> None:
        stale = join(through=open_log())
        log.publish(TOPIC, events(20, 1))
        messages = take(stale, 20)
        self.silence(stale)
        heir = join()
        again = take(heir, 20, self.takeover_seconds)
        assert sorted(told(again)) == sorted(told(messages))
        with pytest.raises(Conflict):
            stale.commit(message.position for message in messages)
        assert sum(lag.behind for lag in log.lag("group")) == 20
        heir.commit(message.position for message in again)
        assert sum(lag.behind for lag in log.lag("group")) == 0

    def test_a_fenced_member_works_on_after_it_has_joined_again(
        self, log: EventLog, join: Join, open_log: OpenLog
    ) -> None:
        stale = join(through=open_log())
        log.publish(TOPIC, events(20, 1))
        messages = take(stale, 20)
        self.silence(stale)
        heir = join()
        heir.commit(message.position for message in take(heir, 20, self.takeover_seconds))
        with pytest.raises(Conflict):
            stale.commit(message.position for message in messages)
        self.settle(stale, heir)
        log.publish(TOPIC, events(100, 1))
        one, other = take(stale, 100, 1.0), take(heir, 100, 1.0)
        assert one and other and len(one) + len(other) == 100
        stale.commit(message.position for message in one)

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

    # -- what failed

    def test_a_retry_comes_back_to_its_group_when_its_time_has_come(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", number) for number in range(3)])
        member, other = join(), join("other")
        messages = take(member, 3)
        not_before = datetime.now(UTC) + timedelta(seconds=0.8)
        log.retry("group", messages[0], not_before=not_before, reason="not yet")
        member.commit(message.position for message in messages)
        assert sum(lag.behind for lag in log.lag("group")) == 0  # the partition has moved on
        assert nothing_more(member)
        (waiting,) = log.waiting("group")
        assert (waiting.attempts, waiting.reason, waiting.position) == (1, "not yet", messages[0].position)
        (again,) = take(member, 1)
        assert datetime.now(UTC) >= not_before
        assert (told([again]), again.attempts) == ([("key", 0)], 1)
        assert again.first_position == messages[0].position
        assert len(take(other, 4, 1.0)) == 3

    def test_a_retry_ends_with_its_commit_and_not_before(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", 0)])
        member = join()
        (message,) = take(member, 1)
        log.retry("group", message, not_before=datetime.now(UTC), reason="once more")
        member.commit([message.position])
        (again,) = take(member, 1)
        assert nothing_more(member)  # it is out already, though not committed
        member.close()
        member = join()
        (again,) = take(member, 1)  # a crash brings it back
        member.commit([again.position])
        member.close()
        assert nothing_more(join()) and log.waiting("group") == []

    def test_attempts_add_up(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", 0)])
        member = join()
        seen = []
        for _ in range(4):
            (message,) = take(member, 1)
            seen.append(message.attempts)
            log.retry("group", message, not_before=datetime.now(UTC), reason="again")
            member.commit([message.position])
        assert seen == [0, 1, 2, 3]
        (waiting,) = log.waiting("group")
        assert waiting.attempts == 4

    def test_a_dead_letter_keeps_where_it_was_why_and_what(self, log: EventLog, join: Join) -> None:
        log.publish_raw(TOPIC, "key", b"broken")
        member = join()
        (message,) = take(member, 1)
        log.bury("group", message, "It is broken.", "frames", 6)
        member.commit([message.position])
        (letter,) = log.dead_letters(group="group")
        assert (letter.position, letter.key, letter.value) == (message.position, "key", b"broken")
        assert (letter.reason, letter.detail, letter.attempts) == ("It is broken.", "frames", 6)
        assert letter.replayed_at is None and letter.died_at.tzinfo is not None
        assert log.dead_letters(group="other") == []
        assert nothing_more(member)

    def test_a_replayed_dead_letter_comes_back_to_its_group_only(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", number) for number in range(3)])
        member, other = join(), join("other")
        messages = take(member, 3)
        for message in messages[:2]:
            log.bury("group", message, "It failed.", "", 6)
        member.commit(message.position for message in messages)
        other.commit(message.position for message in take(other, 3))
        by_offset = {letter.position.offset: letter.id for letter in log.dead_letters()}
        assert log.replay_dead([by_offset[messages[1].position.offset], 4711]) == 1
        (again,) = take(member, 1)
        assert (told([again]), again.replayed, again.attempts) == ([("key", 1)], True, 0)
        member.commit([again.position])
        assert nothing_more(member) and nothing_more(other)
        replayed = {letter.position.offset: letter.replayed_at is not None for letter in log.dead_letters()}
        assert replayed == {messages[0].position.offset: False, messages[1].position.offset: True}

    def test_a_message_that_dies_again_is_one_dead_letter(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", 0)])
        member = join()
        (message,) = take(member, 1)
        log.bury("group", message, "First.", "", 1)
        member.commit([message.position])
        log.replay_dead([log.dead_letters()[0].id])
        (again,) = take(member, 1)
        log.bury("group", again, "Second.", "", 1)
        member.commit([again.position])
        (letter,) = log.dead_letters()
        assert (letter.reason, letter.replayed_at) == ("Second.", None)

    def test_the_backlog_counts_what_waits_and_what_is_dead(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", number) for number in range(5)])
        member = join()
        messages = take(member, 5)
        assert log.backlog() == []
        for message, hours in ((messages[0], 1), (messages[1], 0)):
            log.retry("group", message, not_before=datetime.now(UTC) + timedelta(hours=hours), reason="later")
        for message in messages[2:4]:
            log.bury("group", message, "It failed.", "", 6)
        log.bury("other", messages[4], "It failed there.", "", 6)
        member.commit(message.position for message in messages)
        assert log.backlog() == [Backlog("group", 2, 2), Backlog("other", 0, 1)]
        (again,) = take(member, 1)
        member.commit([again.position])
        assert log.backlog() == [Backlog("group", 1, 2), Backlog("other", 0, 1)]
        log.replay_dead([letter.id for letter in log.dead_letters(group="group")])
        assert log.backlog() == [Backlog("group", 3, 0), Backlog("other", 0, 1)]

    def test_dead_letters_expire(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", 0)])
        log.bury("group", take(join(), 1)[0], "Old.", "", 1)
        log.expire(datetime.now(UTC) + timedelta(days=89))
        assert len(log.dead_letters()) == 1
        log.expire(datetime.now(UTC) + timedelta(days=91))
        assert log.dead_letters() == []

    def test_the_newest_dead_letters_stand_first(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", number) for number in range(5)])
        for message in take(join(), 5):
            log.bury("group", message, f"Number {message.position.offset}.", "", 1)
        assert [letter.reason for letter in log.dead_letters(limit=2)] == ["Number 4.", "Number 3."]


def told_of(some: Sequence[CloudEvent]) -> list[tuple[str, int]]:
    """Key and number of events."""
    return [(one.key, one.data["item"]) for one in some]
