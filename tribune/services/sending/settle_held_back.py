"""Staff decide: what is held back is left as it is, and nobody asks about it any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.ports.ledger import DeliveryView
from tribune.ports.store import Transaction
from tribune.services.sending.pause_mailing import existing

LEFT = "left by staff"
"""The code of a delivery that staff did not send again."""
EVERY = 1_000_000

Place = tuple[int, int]
"""Chunk and place in it."""


def to_be_settled(tx: Transaction, mailing_id: int, names: Collection[str] = ()) -> Sequence[DeliveryView]:
    """Those of a mailing that are held back, all or the named ones; who was left before is passed over. Raises
    NotFound, InvalidInput for a name that is none, Conflict for a delivery that is not held back, or a mailing of which
    nothing is to be decided."""
    mailing = existing(tx, mailing_id)
    if mailing.state is MailingState.CANCELLED:
        raise Conflict(f"Mailing {mailing_id} was cancelled: nothing of it is to be decided.")
    asked = {_place(mailing_id, name): name for name in names}
    held = tx.attention.held_back(mailing_id, limit=EVERY)
    there = {(view.chunk, view.place) for view in held}
    for (chunk, place), name in asked.items():
        if (chunk, place) in there:
            continue
        found = tx.ledger.deliveries(mailing_id, after=(chunk, place - 1), limit=1)
        if not found or (found[0].chunk, found[0].place) != (chunk, place):
            raise Conflict(f"There is no delivery {name}.", hint=f"See `tribune mailing quarantined {mailing_id}`.")
        if found[0].code != LEFT:
            raise Conflict(
                f"Delivery {name} is not held back: it is {found[0].state.value.replace('_', ' ')}.",
                hint=f"See `tribune mailing quarantined {mailing_id}`.",
            )
    return [view for view in held if not asked or (view.chunk, view.place) in asked]


def settle_held_back(tx: Transaction, mailing_id: int, names: Collection[str], actor: str, now: datetime) -> int:
    """Leave them: they count as failed from now on; how many. A second time changes nothing. Raises what
    `to_be_settled` does."""
    views = to_be_settled(tx, mailing_id, names)
    left = tx.ledger.leave(mailing_id, [(view.chunk, view.place) for view in views], LEFT, now)
    if left:
        tx.audit.add(actor, "mailing.settled", f"mailing/{mailing_id}", {DeliveryState.FAILED.value: left}, now)
    return left


def _place(mailing_id: int, name: str) -> Place:
    """Of a delivery as commands name it: 12.0.37 is place 37 in chunk 0 of mailing 12."""
    parts = name.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise InvalidInput(f"{name!r} is no delivery.", hint=f"Write it as {mailing_id}.0.37: mailing, chunk, place.")
    mailing, chunk, place = map(int, parts)
    if mailing != mailing_id:
        raise InvalidInput(f"Delivery {name} is not of mailing {mailing_id}.")
    return chunk, place
