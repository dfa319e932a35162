"""Events of keys, written to a log and read again: what tests of logs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from tribune.domain.events import CloudEvent, ItemReleased
from tribune.ports.clock import SystemClock
from tribune.ports.log import EventLog, LogConsumer, Message
from tribune.services.events.event_codec import decode, new_event

OpenLog = Callable[[], EventLog]
Join = Callable[..., LogConsumer]
TOPIC, PARTITIONS = "catalogue", 4
WALL = SystemClock()


def event(key: str, number: int) -> CloudEvent:
    """The event number `number` of a key."""
    data = ItemReleased(number, "en", number)
    return new_event("item.released", data, source="/contract", key=key, revision=number + 1, time=datetime.now(UTC))


def events(keys: int, each: int) -> list[CloudEvent]:
    """For each of `keys` keys, `each` events; keys take turns."""
    return [event(f"key-{key}", number) for number in range(each) for key in range(keys)]


def told(messages: Sequence[Message]) -> list[tuple[str, int]]:
    """Key and number of each message."""
    out = []
    for message in messages:
        read = decode(message.value, key=message.key, received_at=message.published_at).event
        assert read.key == message.key
        out.append((message.key, read.data["item"]))
    return out


def take(member: LogConsumer, count: int, seconds: float = 10.0) -> list[Message]:
    """Poll until there are `count` messages, or time is up."""
    found: list[Message] = []
    until = WALL.monotonic() + seconds
    while len(found) < count and WALL.monotonic() < until:
        found += member.poll(max_messages=count - len(found), timeout=0.2)
    return found


def nothing_more(member: LogConsumer) -> bool:
    """Whether polling brings nothing."""
    return not member.poll(timeout=0.2)


def told_of(some: Sequence[CloudEvent]) -> list[tuple[str, int]]:
    """Key and number of events."""
    return [(one.key, one.data["item"]) for one in some]
