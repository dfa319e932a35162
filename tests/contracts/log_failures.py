"""The log's contract, on what failed: retries, dead letters, and their numbers."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from tests.contracts.log_suite import LogSuite
from tests.log_world import TOPIC, WALL, Join, event, nothing_more, take, told
from tests.waiting import until
from tribune.ports.log import LARGEST_LETTER, Backlog, EventLog, Message


class LogFailures(LogSuite):
    """A message comes again when it is due, or is kept with its reason."""

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

    def test_the_largest_messages_are_buried_too_and_those_after_them_come(self, log: EventLog, join: Join) -> None:
        sizes = self.publish_largest(log, "key")
        log.publish(TOPIC, [event("key", 0)])
        member = join()
        buried: list[Message] = []
        for size in sizes:
            (message,) = take(member, 1)
            assert len(message.value) == size
            log.bury("group", message, "It is broken. " * 40, "a frame\n" * 3_000, 1)
            member.commit([message.position])
            buried.append(message)
        (after,) = take(member, 1)
        assert told([after]) == [("key", 0)] and after.position.partition == buried[0].position.partition
        letters = sorted(log.dead_letters(), key=lambda letter: letter.position)
        for message, letter in zip(buried, letters, strict=True):
            assert (letter.position, letter.attempts) == (message.position, 1)
            assert letter.reason.startswith("It is broken.") and letter.detail.startswith("a frame")
            assert letter.value and message.value.startswith(letter.value)
            assert letter.whole_bytes == (None if letter.value == message.value else len(message.value))

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

    def test_a_message_that_dies_again_at_once_is_a_dead_letter_again(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", 0)])
        member = join()
        (message,) = take(member, 1)
        log.bury("group", message, "Again.", "", 1)
        member.commit([message.position])
        rounds = 8
        deaths: list[Message] = []

        def replay_each_death() -> None:
            for number in range(rounds):
                until(lambda told=number: len(deaths) == told)  # type: ignore[misc]
                log.replay_dead([letter.id for letter in log.dead_letters()])

        replaying = threading.Thread(target=replay_each_death)
        replaying.start()
        end = WALL.monotonic() + 40
        while len(deaths) < rounds and WALL.monotonic() < end:
            for again in member.poll(timeout=0.01):
                log.bury("group", again, "Again.", "", 1)
                member.commit([again.position])
                deaths.append(again)
        replaying.join()
        assert len(deaths) == rounds
        (letter,) = log.dead_letters()
        assert letter.replayed_at is None and log.backlog() == [Backlog("group", 0, 1)]

    def test_a_dead_letter_that_nobody_wants_is_thrown_away(self, log: EventLog, join: Join) -> None:
        log.publish(TOPIC, [event("key", number) for number in range(3)])
        member = join()
        messages = take(member, 3)
        for message in messages:
            log.bury("group", message, "It failed.", "", 6)
        member.commit(message.position for message in messages)
        by_offset = {letter.position.offset: letter.id for letter in log.dead_letters()}
        first, second, third = (by_offset[message.position.offset] for message in messages)
        assert max(by_offset.values()) <= LARGEST_LETTER
        log.replay_dead([second])
        assert log.discard_dead([first, second, 4711]) == 2
        assert [letter.id for letter in log.dead_letters()] == [third]
        assert log.discard_dead([first]) == 0
        (again,) = take(member, 1)
        log.bury("group", again, "Once more.", "", 1)
        member.commit([again.position])
        assert {letter.reason for letter in log.dead_letters() if letter.replayed_at is None} == {
            "It failed.",
            "Once more.",
        }
        assert nothing_more(member)

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
