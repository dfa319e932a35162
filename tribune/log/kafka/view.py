"""Looking into the log on Kafka. Implements tribune.ports.log_view.LogView."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tribune.log.kafka.admin import Admin
from tribune.log.kafka.reader import Reader
from tribune.log.kafka.records import message_of
from tribune.ports.log import Message


class KafkaView:
    """Reads the ends of partitions: a topic has no index but its offsets."""

    def __init__(self, admin: Admin, reader: Reader, prefix: str) -> None:
        self._admin = admin
        self._reader = reader
        self._prefix = prefix

    def newest(
        self, topics: Collection[str], *, limit: int, containing: str = "", depth: int = 20_000
    ) -> Sequence[Message]:
        """The newest messages, the newest first. Raises BrokerAway."""
        partitions = self._admin.partitions(topics)
        needle = containing.encode("utf-8", "replace")
        spans = {}
        for place, (first, end) in self._admin.spans(partitions).items():
            back = depth // partitions[self._name(place.topic)] if containing else limit
            spans[place] = (max(first, end - max(back, 1)), end)
        found: list[Message] = []

        def see(record: Any) -> None:
            if record.value is not None and needle in record.value:
                found.append(message_of(record, self._name(record.topic)))

        self._reader.read(spans, see)
        found.sort(key=lambda one: (one.published_at, one.position.offset, one.position), reverse=True)
        return found[:limit]

    def _name(self, topic: str) -> str:
        return topic.removeprefix(self._prefix)
