"""Looks into partitions without being a member of a group: nothing is claimed, nothing is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kafka import TopicPartition

from tribune.domain.errors import NotFound
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.errors import BrokerAway, translated
from tribune.ports.clock import SystemClock

Span = tuple[int, int]
_WALL = SystemClock()


class Reader:
    """One consumer of no group for a whole process, used by one thread at a time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._consumer: Any = None
        self._lock = threading.Lock()

    def spans(self, topics: Mapping[str, int]) -> dict[TopicPartition, Span]:
        """The first offset and the next one to be given, of each partition of topics (name -> partitions)."""
        places = [TopicPartition(self._cluster.topic(name), n) for name, count in topics.items() for n in range(count)]
        with self._using("look at offsets") as consumer:
            if not places:
                return {}
            first, last = consumer.beginning_offsets(places), consumer.end_offsets(places)
        return {place: (first[place], last[place]) for place in places}

    def at(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, int | None]:
        """Per partition, the offset of the first message at or after a time in milliseconds."""
        with self._using("look for an instant") as consumer:
            found = consumer.offsets_for_times(dict(times))
        return {place: told.offset if told is not None else None for place, told in found.items()}

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
                found = consumer.poll(timeout_ms=200, max_records=1_000)
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
                    consumer.pause(place)

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


def no_topic(name: str) -> NotFound:
    """What is said of a topic that was never created."""
    return NotFound(f"There is no topic {name!r}.", hint="Run `tribune migrate`: it creates the topics.")
