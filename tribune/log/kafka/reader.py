"""Looks into partitions without being a member of a group: nothing is claimed, nothing is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kafka import TopicPartition

from tribune.log.kafka.admin import Span
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.errors import BrokerAway, translated
from tribune.ports.clock import SystemClock

_WALL = SystemClock()


class Reader:
    """One consumer of no group for a whole process, used by one thread at a time. Where a span begins and ends is asked
    of the admin client: a consumer does not know topics that are new."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._consumer: Any = None
        self._lock = threading.Lock()

    def read(self, spans: Mapping[TopicPartition, Span], see: Callable[[Any], None]) -> None:
        """Show each record of these spans to `see`, in order within a partition. Raises BrokerAway."""
        left = {place: span for place, span in spans.items() if span[0] < span[1]}
        if not left:
            return
        with self._using("read") as consumer:
            consumer.assign(list(left))
            for place, (first, _) in left.items():
                consumer.seek(place, first)
            until = _WALL.monotonic() + self._cluster.request_seconds
            while left:
                found = consumer.poll(timeout_ms=200, max_records=1_000_000)
                for place, records in found.items():
                    for record in records:
                        if place in left and record.offset < left[place][1]:
                            see(record)
                if found:
                    until = _WALL.monotonic() + self._cluster.request_seconds
                elif _WALL.monotonic() > until:
                    raise BrokerAway(f"Broker {', '.join(self._cluster.servers)} does not give what is to be read.")
                for place in [p for p, span in left.items() if consumer.position(p) >= span[1]]:
                    del left[place]

    def close(self) -> None:
        """Release the consumer."""
        with self._lock:
            self._end()

    @contextmanager
    def _using(self, doing: str) -> Iterator[Any]:
        with self._lock:
            try:
                with translated(doing, self._cluster.servers):
                    if self._consumer is None:
                        self._consumer = self._cluster.reader()
                    yield self._consumer
            except BaseException:
                self._end()
                raise

    def _end(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(Exception):
                consumer.close(autocommit=False, timeout_ms=1_000)
