"""How far a mailing is: exact numbers, in all and per language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.errors import NotFound
from tribune.domain.mailings import DeliveryState, Mailing, MailingState
from tribune.ports.ledger import ChunkView
from tribune.ports.store import Transaction

OPEN = frozenset({DeliveryState.WAITING, DeliveryState.IN_DOUBT, DeliveryState.RETRY})
"""States from which a delivery moves on by itself."""


@dataclass(frozen=True, slots=True)
class MailingProgress:
    """A mailing and its numbers: of deliveries in each state, in all and per locale (states with none left out)."""

    mailing: Mailing
    states: Mapping[DeliveryState, int]
    languages: Mapping[str, Mapping[DeliveryState, int]]
    chunks: tuple[ChunkView, ...]

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def settled(self) -> int:
        """Deliveries that sending is through with; what a cancellation left behind is not among them."""
        return sum(n for state, n in self.states.items() if state not in OPEN and state is not DeliveryState.CANCELLED)

    @property
    def unmailed(self) -> int:
        """People who were not mailed because the mailing was cancelled."""
        return self.states.get(DeliveryState.CANCELLED, 0)

    @property
    def in_doubt(self) -> int:
        """People of whom nobody knows whether they were mailed (or who are being mailed at this moment)."""
        return self.states.get(DeliveryState.IN_DOUBT, 0)

    def rate(self, now: datetime) -> float | None:
        """Deliveries settled per second of the time that it was being sent, pauses left out; None where that
        was under a second, or nothing is settled."""
        seconds = self.mailing.running_seconds(now)
        return self.settled / seconds if seconds >= 1 and self.settled else None

    def remaining(self, now: datetime) -> timedelta | None:
        """How long the rest takes at this rate, attempts that are to be made later aside; None where nothing leaves."""
        return time_left(self, self.rate(now))


def time_left(progress: MailingProgress, rate: float | None) -> timedelta | None:
    """How long what waits takes at `rate` (deliveries a second); None where nothing leaves or the rate is not known."""
    left = progress.states.get(DeliveryState.WAITING, 0) + progress.in_doubt
    if not rate or not left or progress.mailing.state is not MailingState.RUNNING:
        return None
    return timedelta(seconds=left / rate)


def mailing_progress(tx: Transaction, mailing_id: int) -> MailingProgress:
    """Raises NotFound."""
    mailing = tx.ledger.mailing(mailing_id)
    if mailing is None:
        raise NotFound(f"There is no mailing {mailing_id}.", hint="See `tribune mailing list`.")
    languages = tx.ledger.progress(mailing_id)
    states: dict[DeliveryState, int] = {}
    for counts in languages.values():
        for state, number in counts.items():
            states[state] = states.get(state, 0) + number
    in_order = {state: states[state] for state in DeliveryState if state in states}
    return MailingProgress(mailing, in_order, languages, tuple(tx.ledger.chunks(mailing_id)))
