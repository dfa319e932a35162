"""Where the last release of each data source is kept, to compare the next one with."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol


class ReleaseShelf(Protocol):
    """Snapshots by the hash of their content."""

    def put(self, content: bytes) -> str:
        """Keep, durably when it returns; the snapshot's name. The same content has the same name."""
        ...

    def get(self, name: str) -> bytes | None:
        """The content, or None where there is no such snapshot (or it is damaged)."""
        ...

    def keep_only(self, names: Collection[str], now: datetime) -> int:
        """Delete the others, young ones aside: another process may be about to name them. How many went."""
        ...
