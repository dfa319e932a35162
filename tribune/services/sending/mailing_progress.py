"""How far a mailing is: exact numbers, in all and per language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tribune.domain.errors import NotFound
from tribune.domain.mailings import DeliveryState, Mailing
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
        """Deliveries about which there is nothing left to do by itself."""
        return sum(number for state, number in self.states.items() if state not in OPEN)


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
