"""What the parts of the log's contract stand on: an opened log, members who join, and how patient an adapter is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.log_world import PARTITIONS, TOPIC, WALL, Join, OpenLog
from tribune.ports.log import EventLog, LogConsumer, TopicSpec
from tribune.services.events.event_codec import MAX_BYTES


class LogSuite:
    """An adapter's test class sets the figures and gives `open_log`."""

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

    def publish_largest(self, log: EventLog, key: str) -> list[int]:
        """Publish broken messages, each as large as this log takes one from anybody; how many bytes each has."""
        log.publish_raw(TOPIC, key, b"x" * MAX_BYTES)
        return [MAX_BYTES]

    def settle(self, *members: LogConsumer) -> None:
        """Let partitions find their members while there is nothing to read."""
        until = WALL.monotonic() + self.settle_seconds
        while WALL.monotonic() < until:
            for member in members:
                assert not member.poll(timeout=0.02)
