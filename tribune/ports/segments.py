"""Segments: saved rules, tags of people, when people last used our pages, and who is in. Reached as `tx.segments`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol

from tribune.domain.segment_matching import Terms
from tribune.domain.segments import Facts, Rule

SEGMENTS = "segments"
"""The lock of whoever changes saved segments."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A saved rule. `slug` never changes; `version` counts the saves; `changed_by` is a staff member's id or ""."""

    id: int
    slug: str
    name: str
    description: str
    rule: Rule
    version: int
    created_at: datetime
    changed_at: datetime
    changed_by: str
    archived_at: datetime | None = None


class Version(NamedTuple):
    """What a segment was after one save."""

    version: int
    name: str
    description: str
    rule: Rule
    changed_at: datetime
    changed_by: str


class Count(NamedTuple):
    """How many people are in, and how many of them a mailing may reach now (active and not suppressed)."""

    people: int
    mailable: int


class Look(NamedTuple):
    """What one sees of a segment at once."""

    numbers: Count
    sample: tuple[int, ...]


class Segments(Protocol):
    """Saved rules and the people they select."""

    def one(self, slug: str) -> Segment | None: ...

    def all(self, *, archived: bool = False) -> Sequence[Segment]:
        """Those in use, or those archived, by name."""
        ...

    def add(self, slug: str, name: str, description: str, rule: Rule, now: datetime, by: str) -> Segment: ...

    def change(self, id: int, name: str, description: str, rule: Rule, now: datetime, by: str) -> None:
        """Store the next version."""
        ...

    def archive(self, id: int, at: datetime | None) -> None:
        """Archive, or with None take back into use."""
        ...

    def versions(self, id: int) -> Sequence[Version]:
        """Every version, the newest first."""
        ...

    # -- what is known of people

    def tag(self, ids: Collection[int], tag: str) -> int:
        """Tag those of the people that exist; how many had not borne it."""
        ...

    def untag(self, ids: Collection[int], tag: str) -> int:
        """How many bore it."""
        ...

    def tags(self) -> Mapping[str, int]:
        """Every tag, and how many bear it."""
        ...

    def tags_of(self, ids: Collection[int]) -> dict[int, set[str]]:
        """The tags of those of these people who bear one."""
        ...

    def saw(self, ids: Collection[int], day: date) -> None:
        """These people used one of our pages on that day (UTC). An earlier day changes nothing."""
        ...

    def facts(self, ids: Collection[int]) -> dict[int, Facts]:
        """What rules ask of people; who does not exist is not in it."""
        ...

    # -- who is in

    def count(self, rule: Rule, terms: Terms) -> Count: ...

    def look(self, rule: Rule, terms: Terms, size: int) -> Look:
        """The count, and a few of the people: spread over all of them, and the same ones while the segment stays as it
        is. No dearer than the count."""
        ...

    def ids(self, rule: Rule, terms: Terms, *, mailable: bool) -> Iterator[Sequence[int]]:
        """Everybody who is in, in batches in order of id; with `mailable`, those whom a mailing may reach now."""
        ...
