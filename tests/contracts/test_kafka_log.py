"""The log on Kafka keeps the log's contract, against a real broker, and what is its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.log_contract import LogContract, OpenLog
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.log import KafkaLog
from tribune.log.kafka.member import KafkaMember
from tribune.ports.clock import SystemClock
from tribune.ports.log import EventLog, LogConsumer


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
