"""What needs a person, over all mailings: mails that are held back, and what stands or rests. `tx.attention`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tribune.ports.ledger import DeliveryView


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when nothing leaves to a domain group, in a channel (`email`) or in a lane (`mailing`)."""

    where: str
    domain_group: str
    until: datetime


class Attention(Protocol):
    """Read-only, and cheap enough to be asked every few seconds, `held_back` aside."""

    def held_back(self, mailing: int | None = None, *, limit: int) -> list[DeliveryView]:
        """Deliveries that are held back, and those of cancelled mailings that are in doubt: of one mailing or of all,
        the newest mailing first, then in the order of chunk and place."""
        ...

    def count_held_back(self, mailing: int | None = None) -> int:
        """How many these are."""
        ...

    def to_be_decided(self) -> int:
        """How many mails are held back that staff may still send: those of mailings that are not cancelled."""
        ...

    def longest_unsent(self, now: datetime) -> float:
        """For how many seconds the oldest mailing has been leaving that may leave and still has chunks to send, pauses
        left out; 0 where there is none. Mails that wait for a later attempt do not count."""
        ...

    def resting_channels(self, now: datetime) -> list[Rest]:
        """Domain groups that are left alone now, because they told us to slow down."""
        ...

    def resting_lanes(self, now: datetime) -> list[Rest]:
        """Domain groups of which chunks wait for a time, for whatever reason: the latest time of each."""
        ...
