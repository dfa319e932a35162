"""Reads the sink's record and counts: who got which item, when, and which mail came twice."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.crash.sink import REFUSED
from tools.crash.world import person_of


@dataclass(frozen=True, slots=True)
class Double:
    """A mail (one Message-ID, one recipient) that was accepted once more: when before, and when again."""

    before: float
    again: float


@dataclass
class Tally:
    """What the sink has accepted so far. `people` readers must each get every item once."""

    path: Path
    people: int
    mails: int = 0
    refused: int = 0  # for now; they were not accepted and must come again
    last_at: float = 0.0
    doubles: list[Double] = field(default_factory=list)
    twins: list[tuple[int, int]] = field(default_factory=list)  # (item, person): in two different mails
    strangers: int = 0  # mails without an item, or to nobody whom we know
    complete_at: dict[int, float] = field(default_factory=dict)  # item: when its last reader had it

    def __post_init__(self) -> None:
        self._at = 0
        self._rest = b""
        self._accepted: dict[bytes, float] = {}
        self._mail_of: dict[tuple[int, int], bytes] = {}
        self._readers: dict[int, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._times: list[float] = []

    def read(self) -> None:
        """Take in what was written since."""
        with self._lock, self.path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
            self._at += len(data)
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        at_text, message, recipient, marks = line.split(b"\t")
        at = float(at_text)
        if marks == REFUSED:
            self.refused += 1
            return
        self.mails += 1
        self.last_at = at
        self._times.append(at)
        name = message + b" " + recipient
        before = self._accepted.get(name)
        self._accepted[name] = at
        if before is not None:
            self.doubles.append(Double(before, at))
            return
        items = [int(mark) for mark in marks.split(b",") if mark]
        person = person_of(recipient.decode()) if recipient.endswith(b"@crash.example") else 0
        if not items or not 1 <= person <= self.people:
            self.strangers += 1
            return
        for item in items:
            if (item, person) in self._mail_of:
                self.twins.append((item, person))
                continue
            self._mail_of[item, person] = message
            self._readers[item] += 1
            if self._readers[item] == self.people:
                self.complete_at[item] = at

    @property
    def settled(self) -> int:
        """How many (item, reader) have been served."""
        return len(self._mail_of)

    def first_after(self, at: float) -> float | None:
        """When the first mail after an instant was accepted."""
        return next((time for time in self._times[-50_000:] if time > at), None)

    def missing(self, published: Mapping[int, float]) -> list[tuple[int, int]]:
        """The (item, reader) that were published and never served."""
        return [
            (item, person)
            for item in published
            if item not in self.complete_at
            for person in range(1, self.people + 1)
            if (item, person) not in self._mail_of
        ]
