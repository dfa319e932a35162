"""The dead letters: a compacted topic of one partition, keyed by group and origin, of which the last record counts."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from typing import Any

from kafka import TopicPartition

from tribune.log.kafka.admin import Admin
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.publisher import Sending
from tribune.log.kafka.reader import Reader
from tribune.log.kafka.records import letter_headers, letter_key, letter_of
from tribune.ports.log import DeadLetter, Message

TOPIC = "dead-letters"
KEPT_DAYS = 90


class DeadLetters:
    """What the topic holds, read on where the last look ended."""

    def __init__(self, cluster: Cluster, admin: Admin, reader: Reader) -> None:
        self._place = TopicPartition(cluster.topic(TOPIC), 0)
        self._admin = admin
        self._reader = reader
        self._letters: dict[bytes, tuple[int, DeadLetter]] = {}
        self._next = 0
        self._lock = threading.Lock()

    def all(self) -> list[DeadLetter]:
        """Every dead letter, the newest first."""
        with self._lock:
            if not self._admin.partitions([TOPIC]):
                return []
            first, end = self._admin.spans({TOPIC: 1})[self._place]
            if end < self._next:  # the topic was made anew
                self._letters, self._next = {}, 0
            self._reader.read({self._place: (max(self._next, first), end)}, self._see)
            self._next = max(self._next, end)
            found = sorted(self._letters.values(), key=lambda one: (one[1].died_at, one[0]), reverse=True)
        return [letter for _, letter in found]

    def _see(self, record: Any) -> None:
        letter = letter_of(record) if record.value is not None else None
        if letter is not None:
            self._letters[record.key] = (record.offset, letter)
        else:
            self._letters.pop(record.key, None)
        self._next = record.offset + 1


def burial(group: str, message: Message, reason: str, detail: str, attempts: int, now: datetime) -> Sending:
    """What buries a message."""
    headers = letter_headers(message, group, reason=reason, detail=detail, attempts=attempts, died_at=now)
    return Sending(TOPIC, letter_key(group, message.first_position), message.value, headers)


def noted_replay(letter: DeadLetter, now: datetime) -> Sending:
    """What says that a letter was given back."""
    headers = letter_headers(
        as_message(letter),
        letter.group,
        reason=letter.reason,
        detail=letter.detail,
        attempts=letter.attempts,
        died_at=letter.died_at,
        replayed_at=now.isoformat(),
    )
    return Sending(TOPIC, letter_key(letter.group, letter.position), letter.value, headers)


def as_message(letter: DeadLetter) -> Message:
    """The message that a letter was, to be handled as if for the first time."""
    return replace(
        Message(letter.position, letter.key, letter.value, letter.died_at), attempts=0, replayed=True, origin=None
    )


def removal(letter: DeadLetter) -> Sending:
    """What takes a letter away."""
    return Sending(TOPIC, letter_key(letter.group, letter.position), None, [])
