"""The embedded log keeps the log's contract, and what is its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contracts.log_contract import LogContract
from tests.log_world import TOPIC, OpenLog, event, events, take, told
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.events import CloudEvent
from tribune.log.consumer import EmbeddedConsumer
from tribune.log.embedded import EmbeddedLog, EmbeddedOutbox, partition_of
from tribune.log.membership import assign
from tribune.ports.clock import SystemClock
from tribune.ports.log import EventLog, LogConsumer, TopicSpec
from tribune.store.engine import SqlStore, open_engine
from tribune.store.migrate import migrate

SESSION_SECONDS = 0.6


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/log.sqlite3"
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


@pytest.fixture
def open_log(url: str) -> Iterator[OpenLog]:
    engines = []

    def _open() -> EventLog:
        engines.append(open_engine(url))
        return EmbeddedLog(engines[-1], SystemClock(), session_seconds=SESSION_SECONDS)

    yield _open
    for engine in engines:
        engine.dispose()


class TestEmbeddedLog(LogContract):
    """The shared suite."""

    unread_gone_hours = 49.0

    def silence(self, member: LogConsumer) -> None:
        assert isinstance(member, EmbeddedConsumer)
        member._heart.forget(member.member)


class TestLiveness:
    """A member in a long handler lives; one that is stuck does not."""

    def test_a_member_in_a_long_handler_keeps_its_partitions(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec(TOPIC)])
        log.publish(TOPIC, events(20, 1))
        busy, heir = log.consumer("group", [TOPIC]), open_log().consumer("group", [TOPIC])
        messages = take(busy, 20)
        assert not heir.poll(timeout=3 * SESSION_SECONDS)  # longer than a session, and busy has not polled
        busy.commit(message.position for message in messages)
        busy.close()
        heir.close()

    def test_a_member_that_has_not_polled_for_too_long_is_fenced(self, url: str, open_log: OpenLog) -> None:
        impatient = EmbeddedLog(
            open_engine(url), SystemClock(), session_seconds=SESSION_SECONDS, max_poll_seconds=SESSION_SECONDS
        )
        impatient.create_topics([TopicSpec(TOPIC)])
        impatient.publish(TOPIC, events(20, 1))
        stuck, heir = impatient.consumer("group", [TOPIC]), open_log().consumer("group", [TOPIC])
        messages = take(stuck, 20)
        assert len(take(heir, 20, 5 * SESSION_SECONDS)) == 20
        with pytest.raises(Conflict):
            stuck.commit(message.position for message in messages)
        stuck.close()
        heir.close()

    def test_moving_the_injected_clock_kills_nobody(self, url: str, open_log: OpenLog) -> None:
        clock = SystemClock()
        log = EmbeddedLog(open_engine(url), clock, session_seconds=SESSION_SECONDS)
        log.create_topics([TopicSpec(TOPIC)])
        member, other = log.consumer("group", [TOPIC]), log.consumer("group", [TOPIC])
        assert not member.poll() and not other.poll() and not member.poll()
        log.publish(TOPIC, events(20, 1))
        one, another = take(member, 20, 0.3), take(other, 20, 0.3)
        clock.offset = timedelta(days=400)
        assert not member.poll(timeout=SESSION_SECONDS) and not other.poll(timeout=0.1)
        member.commit(message.position for message in one)
        other.commit(message.position for message in another)
        assert one and another and not any(lag.behind for lag in log.lag())
        member.close()
        other.close()


class TestOutbox:
    """In the embedded log, adding to the outbox is the append."""

    @pytest.fixture
    def store(self, url: str, open_log: OpenLog) -> SqlStore:
        open_log().create_topics([TopicSpec(TOPIC)])
        return SqlStore(open_engine(url), SystemClock(), EmbeddedOutbox)

    def test_events_are_on_the_log_when_the_transaction_has_committed(self, store: SqlStore, open_log: OpenLog) -> None:
        member = open_log().consumer("group", [TOPIC])
        assert not member.poll()
        with store.write() as tx:
            tx.outbox.add(*events(5, 2))
            tx.outbox.add(event("key-0", 2))
            assert not member.poll(timeout=0.1)
        assert len(take(member, 11)) == 11
        member.close()

    def test_nothing_is_on_the_log_when_it_was_rolled_back(self, store: SqlStore, open_log: OpenLog) -> None:
        member = open_log().consumer("group", [TOPIC])
        with pytest.raises(ZeroDivisionError), store.write() as tx:
            tx.outbox.add(event("key", 0))
            1 / 0  # noqa: B018
        with store.write() as tx:
            tx.outbox.add(event("key", 1))
        (message,) = take(member, 1)
        assert (told([message]), message.position.offset) == ([("key", 1)], 0)
        assert not member.poll(timeout=0.1)
        member.close()

    def test_a_type_without_a_topic_is_refused(self, store: SqlStore) -> None:
        known = event("key", 0)
        unknown = CloudEvent("1", "/x", "no.such-type", known.time, "key", {})
        with pytest.raises(InvalidInput, match=r"no\.such-type"), store.write() as tx:
            tx.outbox.add(unknown)

    def test_a_missing_topic_is_refused_with_what_to_do(self, url: str) -> None:
        store = SqlStore(open_engine(url), SystemClock(), EmbeddedOutbox)
        with pytest.raises(NotFound, match="tribune migrate"), store.write() as tx:
            tx.outbox.add(event("key", 0))


def test_the_partition_of_a_key_is_fixed_for_good() -> None:
    # These stand in files that exist: another hash would tear keys apart.
    assert [partition_of(key, 4) for key in ("", "a", "key-1", "clé 🦉")] == [0, 3, 2, 2]


class TestRetention:
    """What has been read goes after its time, what has not after twice as long."""

    @pytest.fixture
    def log(self, open_log: OpenLog) -> EventLog:
        log = open_log()
        log.create_topics([TopicSpec(TOPIC, 1, retention_hours=24)])
        return log

    @staticmethod
    def reads(log: EventLog, group: str, count: int) -> None:
        """A member of the group reads so many messages, and leaves."""
        member = log.consumer(group, [TOPIC])
        member.commit([message.position for message in take(member, 10)[:count]])
        member.close()

    @staticmethod
    def expired(log: EventLog, hours: float) -> int:
        return log.expire(datetime.now(UTC) + timedelta(hours=hours))

    def test_what_the_slowest_group_has_not_read_stays(self, log: EventLog) -> None:
        log.publish(TOPIC, events(1, 10))
        self.reads(log, "quick", 10)
        self.reads(log, "slow", 4)
        assert self.expired(log, 25) == 4
        member = log.consumer("slow", [TOPIC])
        assert [message.position.offset for message in take(member, 6)] == [4, 5, 6, 7, 8, 9]
        member.close()
        assert self.expired(log, 47) == 0
        assert self.expired(log, 49) == 6, "a group that never comes back does not fill the disk"

    def test_what_every_group_has_read_goes_in_time(self, log: EventLog) -> None:
        log.publish(TOPIC, events(1, 10))
        self.reads(log, "quick", 10)
        self.reads(log, "slow", 10)
        assert (self.expired(log, 23), self.expired(log, 25)) == (0, 10)

    def test_what_nobody_reads_goes_in_time(self, log: EventLog) -> None:
        log.publish(TOPIC, events(1, 10))
        log.create_topics([TopicSpec("other", 1)])
        log.consumer("elsewhere", ["other"]).poll(10, 0.1)
        assert self.expired(log, 25) == 10

    def test_a_partition_that_came_while_a_group_was_away_is_unread(self, log: EventLog) -> None:
        self.reads(log, "slow", 0)
        log.create_topics([TopicSpec(TOPIC, 3, retention_hours=24)])
        log.publish(TOPIC, events(30, 1))
        assert (self.expired(log, 25), self.expired(log, 49)) == (0, 30)

    def test_what_a_group_is_to_read_again_stays(self, log: EventLog) -> None:
        log.publish(TOPIC, events(1, 10))
        self.reads(log, "quick", 10)
        log.rewind("quick", TOPIC, offset=3)
        assert self.expired(log, 25) == 3


class TestAssign:
    """Sharing partitions out, as a pure function."""

    PLACES = tuple(("t", n) for n in range(7))

    def test_shares_differ_by_one_at_most_and_cover_everything(self) -> None:
        for count in range(1, 10):
            members = {f"m{n}": ["t"] for n in range(count)}
            wanted = assign(members, dict.fromkeys(self.PLACES))
            shares = [list(wanted.values()).count(member) for member in members]
            assert wanted.keys() == set(self.PLACES) and max(shares) - min(shares) <= 1

    def test_it_gives_itself_again(self) -> None:
        members = {f"m{n}": ["t"] for n in range(3)}
        wanted = assign(members, dict.fromkeys(self.PLACES))
        assert assign(members, wanted) == wanted

    def test_a_joiner_moves_only_what_it_takes(self) -> None:
        before = assign({"a": ["t"], "b": ["t"]}, dict.fromkeys(self.PLACES))
        after = assign({"a": ["t"], "b": ["t"], "c": ["t"]}, before)
        assert {after[place] for place in self.PLACES if after[place] != before[place]} == {"c"}

    def test_members_get_only_topics_that_they_read(self) -> None:
        places = dict.fromkeys([("t", 0), ("t", 1), ("u", 0), ("v", 0)])
        wanted = assign({"a": ["t"], "b": ["t", "u"]}, places)
        assert wanted[("u", 0)] == "b" and ("v", 0) not in wanted
        assert {wanted[("t", 0)], wanted[("t", 1)]} == {"a", "b"}
