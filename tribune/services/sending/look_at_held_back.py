"""What is held back for a person, over all mailings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tribune.domain.mailings import MailingState
from tribune.ports.ledger import DeliveryView
from tribune.ports.store import Transaction
from tribune.services.sending.pause_mailing import existing


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The first deliveries that are held back, how many there are in all, and of what mailings the first are:
    `may_be_sent`, some of one that is not cancelled; `of_cancelled`, some of one that is."""

    first: Sequence[DeliveryView]
    total: int
    may_be_sent: bool
    of_cancelled: bool

    @property
    def more(self) -> int:
        return self.total - len(self.first)


def look_at_held_back(tx: Transaction, mailing_id: int | None, limit: int) -> HeldBack:
    """Those of one mailing, or of all: the newest mailing first. Raises NotFound."""
    if mailing_id is not None:
        existing(tx, mailing_id)
    first = tx.attention.held_back(mailing_id, limit=limit)
    cancelled = {existing(tx, number).state is MailingState.CANCELLED for number in {view.mailing for view in first}}
    total = len(first) if len(first) < limit else tx.attention.count_held_back(mailing_id)
    return HeldBack(first, total, may_be_sent=False in cancelled, of_cancelled=True in cancelled)
