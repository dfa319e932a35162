"""The dead letters: a compacted topic of one partition, keyed by group and origin, of which the last record counts.

That one was given back is noted under a key of its own, and says of which death: a message may die again before the
note is written, and a note that took the place of that burial would hide it.

A message that is too large to be kept here with what is said of it becomes a stub: its beginning, and how large the
whole is, which stands in its own topic as long as that keeps it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from kafka import TopicPartition

from tribune.domain.errors import Conflict
from tribune.log.kafka.admin import Admin
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.publisher import Sending
from tribune.log.kafka.reader import Reader
from tribune.log.kafka.records import (
    is_note,
    letter_headers,
    letter_key,
    letter_of,
    message_of,
    note_key,
    stub_headers,
)
from tribune.ports.log import DeadLetter, Message

TOPIC = "dead-letters"
KEPT_DAYS = 90
STUBS = (32_000, 500)
"""How many bytes a stub keeps of the value, and at most of the key and of each text: the first that a broker takes."""


class _Note(NamedTuple):
    offset: int
    died_at: datetime
    replayed_at: datetime | None


class DeadLetters:
    """What the topic holds, read on where the last look ended."""

    def __init__(self, cluster: Cluster, admin: Admin, reader: Reader) -> None:
        self._cluster = cluster
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

    def whole(self, letter: DeadLetter) -> Message | None:
        """The message that a letter was, to be handled as if for the first time. Of a stub it is read where it stood
        first; None where it is gone from there."""
        first = letter.position
        if letter.whole_bytes is None:
            return _as_message(letter, letter.key, letter.value)
        place = TopicPartition(self._cluster.topic(first.topic), first.partition)
        begin, end = self._admin.spans(self._admin.partitions([first.topic])).get(place, (0, 0))
        found: list[Message] = []
        if begin <= first.offset < end:
            span = {place: (first.offset, first.offset + 1)}
            self._reader.read(span, lambda record: found.append(message_of(record, first.topic)))
        return next((_as_message(letter, one.key, one.value) for one in found if one.position == first), None)

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


def burials(group: str, message: Message, reason: str, detail: str, attempts: int, now: datetime) -> Iterator[Sending]:
    """What buries a message: whole, and for a broker that does not take that, stubs of it, the largest first."""
    key = letter_key(group, message.first_position)
    for longest in (None, *STUBS):
        headers = letter_headers(
            message, group, reason=reason, detail=detail, attempts=attempts, died_at=now, longest=longest
        )
        stub = [] if longest is None else stub_headers(message)
        yield Sending(TOPIC, key, message.value[:longest], headers + stub)


def noted_replay(letter: DeadLetter, now: datetime) -> Sending:
    """What says that a letter was given back, after the death that it tells of."""
    headers = letter_headers(
        _as_message(letter, letter.key, b""),
        letter.group,
        reason=letter.reason,
        detail=letter.detail,
        attempts=letter.attempts,
        died_at=letter.died_at,
        replayed_at=now.isoformat(),
        longest=STUBS[-1],  # the letter itself has all of it
    )
    return Sending(TOPIC, note_key(letter_key(letter.group, letter.position)), b"", headers)


def _as_message(letter: DeadLetter, key: str, value: bytes) -> Message:
    return Message(letter.position, key, value, letter.died_at, replayed=True)


def removal(letter: DeadLetter) -> list[Sending]:
    """What takes a letter away, and what was noted of it."""
    key = letter_key(letter.group, letter.position)
    return [Sending(TOPIC, key, None, []), Sending(TOPIC, note_key(key), None, [])]


def not_given_back(letters: Sequence[DeadLetter], there: Collection[int], others: int) -> Conflict:
    """The error for letters that could not be given back. `there`: those whose message is on its topic still; `others`:
    how many were given back."""
    told = [f"{others} dead letter{' is' if others == 1 else 's are'} back with their group."] if others else []
    for one in letters:
        first = f"{one.position.topic}/{one.position.partition}/{one.position.offset}"
        told.append(
            f"Dead letter {one.id} cannot be replayed: it is a stub, which keeps {len(one.value):,} of "
            f"{one.whole_bytes or 0:,} bytes, and "
            + (
                f"the whole, at {first}, is too large to be given back by itself. `tribune events rewind {one.group} "
                f"{one.position.topic} --offset {one.position.offset}` lets the group read from there again."
                if one.id in there
                else f"the whole is gone from {first}, whose time was over. Have its source publish it again."
            )
        )
    return Conflict(
        " ".join(told), hint="`tribune events dead --discard ID` throws a dead letter away that nobody needs any more."
    )
