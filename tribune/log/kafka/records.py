"""Kafka's records and our messages: what stands in the headers, and how it is read again.

An event is a CloudEvent in structured mode (Kafka protocol binding for CloudEvents 1.0.2, 3.3): the value is the JSON
text, `content-type` says so, the key is the partition key. Our own headers begin with `tribune-`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tribune.ports.log import DeadLetter, Message, Position, Waiting

Headers = list[tuple[str, bytes]]

EVENT: Headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
DETAIL_BYTES = 16_000
"""The most that is kept of a stack: message and headers must fit into what a broker takes (1 MiB)."""
_REASON_BYTES = 2_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OURS = "tribune-"
_NOTE = b"/replayed"


def key_bytes(key: str) -> bytes:
    """A key as bytes. Half characters, which are no text, keep their value."""
    return key.encode("utf-8", "surrogatepass")


def key_text(key: bytes | None) -> str:
    """The same backwards. Bytes that are no text are replaced: others may publish to our topics too."""
    return (key or b"").decode("utf-8", "replace")


def instant(milliseconds: int) -> datetime:
    """A record's timestamp."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(at: datetime) -> int:
    """An instant as Kafka counts it, rounded down; not before 1970."""
    return max((at - _EPOCH) // timedelta(milliseconds=1), 0)


def retry_topic(group: str, topic: str) -> str:
    """The topic in which a group's retries of a topic wait."""
    return f"retry.{group}.{topic}"


def message_of(record: Any, topic: str, replay_upto: int = 0) -> Message:
    """A record of a topic of events, as a message. What stands below `replay_upto` is read for a second time."""
    return Message(
        Position(topic, record.partition, record.offset),
        key_text(record.key),
        record.value or b"",
        instant(record.timestamp),
        replayed=record.offset < replay_upto,
    )


@dataclass(frozen=True, slots=True)
class Retry:
    """A message that waits for its next attempt."""

    message: Message
    not_before: datetime
    reason: str

    def waiting(self, group: str) -> Waiting:
        """As the port shows it."""
        told = self.message
        return Waiting(group, told.first_position, told.key, told.attempts, self.reason, self.not_before)


def retry_headers(message: Message, *, attempts: int, replayed: bool, not_before: datetime, reason: str) -> Headers:
    """What goes with a message into a retry topic."""
    return [
        *EVENT,
        *_origin(message),
        (_OURS + "attempts", str(attempts).encode()),
        (_OURS + "replayed", b"1" if replayed else b"0"),
        (_OURS + "not-before", not_before.isoformat().encode()),
        (_OURS + "reason", _cut(reason, _REASON_BYTES)),
    ]


def retry_of(record: Any, topic: str) -> Retry:
    """A record of a retry topic. One that lacks our headers is due at once, as if it had been published there."""
    told = _headers(record)
    message = Message(
        position=Position(topic, record.partition, record.offset),
        key=key_text(record.key),
        value=record.value or b"",
        published_at=_instant(told, "published-at", record),
        attempts=_number(told, "attempts", 0),
        replayed=told.get("replayed") == "1",
        origin=_position(told),
    )
    return Retry(message, _instant(told, "not-before", record), told.get("reason", ""))


def letter_key(group: str, origin: Position) -> bytes:
    """What makes a dead letter one: the group, and where the message stood first."""
    return key_bytes(f"{group}/{origin.topic}/{origin.partition}/{origin.offset}")


def note_key(letter: bytes) -> bytes:
    """The key of what is noted of a dead letter, from the letter's own."""
    return letter + _NOTE


def is_note(record: Any) -> bool:
    """Whether a record of the topic of dead letters is a note about one."""
    return bool((record.key or b"").endswith(_NOTE))


def letter_id(key: bytes) -> int:
    """The number of a dead letter: the same for every burial of the same message. Up to 48 bits long, which
    tribune.ports.log.LARGEST_LETTER allows."""
    return int.from_bytes(hashlib.sha256(key).digest()[:6])


def letter_headers(
    letter: Message,
    group: str,
    *,
    reason: str,
    detail: str,
    attempts: int,
    died_at: datetime,
    replayed_at: str = "",
    longest: int | None = None,
) -> Headers:
    """What goes with a message among the dead letters. The record's key names the letter, so the message's own is
    here. `longest`: the most bytes of each text, where the whole is too large."""
    most = DETAIL_BYTES if longest is None else longest
    return [
        *EVENT,
        *_origin(letter),
        (_OURS + "group", group.encode()),
        (_OURS + "key", key_bytes(letter.key)[:longest]),
        (_OURS + "reason", _cut(reason, min(most, _REASON_BYTES))),
        (_OURS + "detail", _cut(detail, min(most, DETAIL_BYTES))),
        (_OURS + "attempts", str(attempts).encode()),
        (_OURS + "died-at", died_at.isoformat().encode()),
        (_OURS + "replayed-at", replayed_at.encode()),
    ]


def stub_headers(whole: Message) -> Headers:
    """What says that the value is only the beginning of a message's, and how many bytes that has."""
    return [(_OURS + "whole-bytes", str(len(whole.value)).encode())]


def letter_of(record: Any) -> DeadLetter | None:
    """A record of the topic of dead letters; None where it was not written by us."""
    told = _headers(record)
    origin = _position(told)
    if origin is None or "group" not in told:
        return None
    replayed = told.get("replayed-at", "")
    return DeadLetter(
        id=letter_id(record.key or b""),
        group=told["group"],
        position=origin,
        key=told.get("key", ""),
        value=record.value or b"",
        reason=told.get("reason", ""),
        detail=told.get("detail", ""),
        died_at=_instant(told, "died-at", record),
        attempts=_number(told, "attempts", 1),
        replayed_at=datetime.fromisoformat(replayed) if replayed else None,
        whole_bytes=_number(told, "whole-bytes", 0) if "whole-bytes" in told else None,
    )


def _origin(message: Message) -> Headers:
    first = message.first_position
    return [
        (_OURS + "origin-topic", first.topic.encode()),
        (_OURS + "origin-partition", str(first.partition).encode()),
        (_OURS + "origin-offset", str(first.offset).encode()),
        (_OURS + "published-at", message.published_at.isoformat().encode()),
    ]


def _headers(record: Any) -> Mapping[str, str]:
    told = {name: value or b"" for name, value in record.headers if name.startswith(_OURS)}
    return {name.removeprefix(_OURS): value.decode("utf-8", "replace") for name, value in told.items()}


def _position(told: Mapping[str, str]) -> Position | None:
    partition, offset = _number(told, "origin-partition", -1), _number(told, "origin-offset", -1)
    topic = told.get("origin-topic", "")
    return Position(topic, partition, offset) if topic and partition >= 0 and offset >= 0 else None


def _number(told: Mapping[str, str], name: str, default: int) -> int:
    text = told.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else default


def _instant(told: Mapping[str, str], name: str, record: Any) -> datetime:
    try:
        read = datetime.fromisoformat(told.get(name, ""))
    except ValueError:
        return instant(record.timestamp)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _cut(text: str, longest: int) -> bytes:
    return text.encode("utf-8", "replace")[:longest]
