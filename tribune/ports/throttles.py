"""How fast mail may leave, over all workers. Reached as `tx.throttles`."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tribune.domain.throttling import Permit, Rates


class Throttles(Protocol):
    """The rates of channels and of their domain groups."""

    def take(self, channel: str, group: str, wanted: int, rates: Rates, now: datetime) -> Permit:
        """Take up to `wanted` places; none while the group is left alone. What is taken and not used is lost: rates are
        upper bounds."""
        ...

    def hold(self, channel: str, worker: str, total: int, now: datetime) -> int:
        """How many of the channel's `total` connections this worker may have from now on; asked again and again, or
        they go to the others."""
        ...

    def let_go(self, channel: str, worker: str) -> None:
        """This worker has no connection any more."""
        ...

    def failed(self, channel: str, group: str, now: datetime) -> datetime:
        """The group was throttled by the other side: until when it is left alone, longer each time in a row."""
        ...

    def went_well(self, channel: str, group: str) -> None:
        """The group takes mail (again)."""
        ...
