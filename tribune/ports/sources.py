"""What producers remember of their sources."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source's watermark: validators of the last answer, a free-form mark (an OAI datestamp), the last outcome."""

    source: str
    etag: str = ""
    last_modified: str = ""
    mark: str = ""
    pulled_at: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class RecordState:
    """The last revision of a source's record that was published: number, content hash, withdrawn or not."""

    record: str
    revision: int
    digest: str
    withdrawn: bool = False


class Sources(Protocol):
    """Sources, their records, and the observations of data sources."""

    def state(self, source: str) -> SourceState: ...

    def save_state(self, state: SourceState) -> None: ...

    def all_states(self) -> list[SourceState]: ...

    def records(self, source: str, only: Collection[str] | None = None) -> Mapping[str, RecordState]:
        """The records of a source, by id; with `only`, those among these ids."""
        ...

    def save_records(self, source: str, records: list[RecordState]) -> None: ...
