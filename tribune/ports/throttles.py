"""How fast mail may leave, over all workers. Reached as `tx.throttles`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from tribune.domain.throttling import Permit, Rates


class Throttles(Protocol):
    """The rates of channels and of their domain groups."""

    def take(self, channel: str, group: str, wanted: int, rates: Rates, now: datetime) -> Permit:
        """Take up to `wanted` places; none while the group is left alone, with rates or without. What is taken and not
        used is lost: rates are upper bounds."""
        ...

    def hold(self, channel: str, worker: str, total: int, now: datetime) -> int:
        """How many of the channel's `total` connections this worker may have from now on; asked again and again, or
        they go to the others."""
        ...

    def let_go(self, channel: str, worker: str) -> None:
        """This worker has no connection any more."""
        ...

    def workers(self, channel: str, now: datetime) -> int:
        """How many workers share the channel's connections now."""
        ...

    def failed(self, channel: str, group: str, now: datetime) -> datetime:
        """The group was throttled by the other side: until when it is left alone, longer each time in a row."""
        ...

    def asked_for(self, channel: str, group: str, wait: timedelta, now: datetime) -> None:
        """The other side said itself how long it wants to be left alone; LONGEST_REST at most."""
        ...

    def went_well(self, channel: str, group: str, began: datetime) -> None:
        """The group takes mail (again): a window that was opened at `began`. Where that was before the end of its last
        rest, it says nothing."""
        ...
