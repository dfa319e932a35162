"""Looking into the log without being a consumer: nothing is claimed, nothing is committed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from tribune.ports.log import Message


class LogView(Protocol):
    """The newest messages of topics."""

    def newest(
        self, topics: Collection[str], *, limit: int, containing: str = "", depth: int = 20_000
    ) -> Sequence[Message]:
        """The newest messages, the newest first; with `containing`, those whose bytes hold that text (UTF-8).

        Looks back over at most `depth` messages of each topic: a log has no index but its offsets.
        """
        ...
