"""The log's contract, on members: they share partitions out, and one that is silent or late is fenced."""

from __future__ import annotations

import pytest

from tests.contracts.log_suite import LogSuite
from tests.log_world import PARTITIONS, TOPIC, WALL, Join, OpenLog, events, take, told, told_of
from tribune.domain.errors import Conflict
from tribune.ports.log import EventLog


class LogMembers(LogSuite):
    """Who reads which partition, and who no longer does."""

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
