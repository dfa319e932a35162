"""What a member holds of a partition: what it has read, given out and committed. Pure: no broker here.

A partition of events is committed up to an offset. A partition of retries is handled out of order, because each waits
for its own time: its committed offset is the lowest that is not done, and those done above it stand in the commit's
metadata. So nothing is lost in a crash, and next to nothing is handled twice.
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tribune.log.kafka.records import Retry
from tribune.ports.log import Message, Position

METADATA_BYTES = 3_500
"""Kafka takes 4,096 bytes of metadata with a commit."""


@dataclass(slots=True)
class Events:
    """A partition of events in a member's hands. What lies below `replay_upto` the group has again, by a rewind."""

    committed: int
    replay_upto: int = 0
    given: int = 0
    ready: deque[Message] = field(default_factory=deque)

    def give(self) -> Message:
        """The next message."""
        message = self.ready.popleft()
        self.given = max(self.given, message.position.offset + 1)
        return message

    def may_commit(self, upto: int) -> bool:
        """Whether what stands below `upto` was given out by this holding, so that its commit is ours to make."""
        return upto <= max(self.given, self.committed)

    def metadata(self, upto: int) -> str:
        """What stands with the committed offset."""
        return f"replay={self.replay_upto}" if self.replay_upto > upto else ""


@dataclass(slots=True)
class Retries:
    """A partition of retries in a member's hands."""

    committed: int
    done: set[int] = field(default_factory=set)
    next: int = 0
    waiting: dict[int, Retry] = field(default_factory=dict)
    handed: dict[int, Retry] = field(default_factory=dict)
    size: int = 0
    _heap: list[tuple[datetime, int]] = field(default_factory=list)
    _of: dict[Position, int] = field(default_factory=dict)

    def read(self, retry: Retry) -> None:
        """Remember a retry until its time. A later one of the same message takes the place of the one before, which
        a crash between the retry and its commit left behind."""
        offset = retry.message.position.offset
        self.next = max(self.next, offset + 1)
        if offset < self.committed or offset in self.done or offset in self.waiting or offset in self.handed:
            return
        before = self._of.get(retry.message.first_position)
        if before is not None and before in self.waiting:
            self._forget(self.waiting.pop(before))
            self.done.add(before)
        self._of[retry.message.first_position] = offset
        self.waiting[offset] = retry
        self.size += len(retry.message.value)
        heapq.heappush(self._heap, (retry.not_before, offset))

    def next_due(self) -> datetime | None:
        """When the next one is due."""
        while self._heap and self._heap[0][1] not in self.waiting:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def give(self, now: datetime, limit: int) -> list[Message]:
        """Those whose time has come."""
        given: list[Message] = []
        while len(given) < limit:
            due = self.next_due()
            if due is None or due > now:
                break
            _, offset = heapq.heappop(self._heap)
            self.handed[offset] = self.waiting.pop(offset)
            given.append(self.handed[offset].message)
        return given

    def may_commit(self, offsets: Iterable[int]) -> bool:
        """Whether they were given out by this holding, or are done."""
        return all(o in self.handed or o in self.done or o < self.committed for o in offsets)

    def after(self, offsets: Collection[int]) -> tuple[int, str]:
        """Offset and metadata to commit once these are done too."""
        pending = (self.waiting.keys() | self.handed.keys()) - set(offsets)
        lowest = min(pending, default=self.next)
        return lowest, done_text(o for o in {*self.done, *offsets} if o > lowest)

    def finish(self, offsets: Collection[int], committed: int) -> None:
        """They are done, and that is committed."""
        for offset in offsets:
            retry = self.handed.pop(offset, None)
            if retry is not None:
                self._forget(retry)
        self.committed = committed
        self.done = {o for o in self.done.union(offsets) if o > committed}

    def _forget(self, retry: Retry) -> None:
        self.size -= len(retry.message.value)
        first, offset = retry.message.first_position, retry.message.position.offset
        if self._of.get(first) == offset:
            del self._of[first]


def done_text(offsets: Iterable[int]) -> str:
    """Offsets as text for a commit's metadata: `done=5-9,12`. What does not fit is left out: handled twice at worst."""
    runs: list[list[int]] = []
    for offset in sorted(offsets):
        if runs and runs[-1][1] == offset - 1:
            runs[-1][1] = offset
        else:
            runs.append([offset, offset])
    told, size = [], 5
    for first, last in runs:
        text = str(first) if first == last else f"{first}-{last}"
        size += len(text) + 1
        if size > METADATA_BYTES:
            break
        told.append(text)
    return f"done={','.join(told)}" if told else ""


def done_of(metadata: str | None) -> set[int]:
    """The same backwards; what cannot be read counts as nothing."""
    found = re.fullmatch(r"done=(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)", metadata or "")
    if not found:
        return set()
    offsets: set[int] = set()
    for run in found[1].split(","):
        first, _, last = run.partition("-")
        offsets.update(range(int(first), int(last or first) + 1))
    return offsets


def replay_of(metadata: str | None) -> int:
    """Up to which offset a group reads for a second time."""
    found = re.fullmatch(r"replay=(\d{1,18})", metadata or "")
    return int(found[1]) if found else 0
