"""The dead letters: a compacted topic of one partition, keyed by group and origin, of which the last record counts.

That one was given back is noted under a key of its own, and says of which death: a message may die again before the
note is written, and a note that took the place of that burial would hide it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from kafka import TopicPartition

from tribune.log.kafka.admin import Admin
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.publisher import Sending
from tribune.log.kafka.reader import Reader
from tribune.log.kafka.records import is_note, letter_headers, letter_key, letter_of, note_key
from tribune.ports.log import DeadLetter, Message

TOPIC = "dead-letters"
KEPT_DAYS = 90


class _Note(NamedTuple):
    offset: int
    died_at: datetime
    replayed_at: datetime | None


class DeadLetters:
    """What the topic holds, read on where the last look ended."""

    def __init__(self, cluster: Cluster, admin: Admin, reader: Reader) -> None:
        self._place = TopicPartition(cluster.topic(TOPIC), 0)
        self._admin = admin
        self._reader = reader
        self._letters: dict[bytes, tuple[int, DeadLetter]] = {}
        self._notes: dict[bytes, _Note] = {}
        self._next = 0
        self._lock = threading.Lock()

    def all(self) -> list[DeadLetter]:
        """Every dead letter, the newest first."""
        with self._lock:
            if not self._admin.partitions([TOPIC]):
                return []
            first, end = self._admin.spans({TOPIC: 1})[self._place]
            if end < self._next:  # the topic was made anew
                self._letters, self._notes, self._next = {}, {}, 0
            self._reader.read({self._place: (max(self._next, first), end)}, self._see)
            self._next = max(self._next, end)
            found = sorted(self._letters.items(), key=lambda one: (one[1][1].died_at, one[1][0]), reverse=True)
            return [self._with_note(key, offset, letter) for key, (offset, letter) in found]

    def _see(self, record: Any) -> None:
        letter = letter_of(record) if record.value is not None else None
        self._next = record.offset + 1
        if letter is None:
            self._letters.pop(record.key, None)
            self._notes.pop(record.key, None)
        elif is_note(record):
            self._notes[record.key] = _Note(record.offset, letter.died_at, letter.replayed_at)
        else:
            before = self._letters.get(record.key)
            # Older versions noted under the letter's own key: one of an earlier death takes the place of no burial.
            if before is None or letter.replayed_at is None or letter.died_at == before[1].died_at:
                self._letters[record.key] = (record.offset, letter)

    def _with_note(self, key: bytes, offset: int, letter: DeadLetter) -> DeadLetter:
        note = self._notes.get(note_key(key))
        if note is None or note.died_at != letter.died_at or note.offset < offset:
            return letter
        return replace(letter, replayed_at=note.replayed_at)


def burial(group: str, message: Message, reason: str, detail: str, attempts: int, now: datetime) -> Sending:
    """What buries a message."""
    headers = letter_headers(message, group, reason=reason, detail=detail, attempts=attempts, died_at=now)
    return Sending(TOPIC, letter_key(group, message.first_position), message.value, headers)


def noted_replay(letter: DeadLetter, now: datetime) -> Sending:
    """What says that a letter was given back, after the death that it tells of."""
    headers = letter_headers(
        as_message(letter),
        letter.group,
        reason=letter.reason,
        detail=letter.detail,
        attempts=letter.attempts,
        died_at=letter.died_at,
        replayed_at=now.isoformat(),
    )
    return Sending(TOPIC, note_key(letter_key(letter.group, letter.position)), b"", headers)


def as_message(letter: DeadLetter) -> Message:
    """The message that a letter was, to be handled as if for the first time."""
    return replace(
        Message(letter.position, letter.key, letter.value, letter.died_at), attempts=0, replayed=True, origin=None
    )


def removal(letter: DeadLetter) -> list[Sending]:
    """What takes a letter away, and what was noted of it."""
    key = letter_key(letter.group, letter.position)
    return [Sending(TOPIC, key, None, []), Sending(TOPIC, note_key(key), None, [])]
