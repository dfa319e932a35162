"""Cancel a mailing: what has not left never will; an edition's comes with the next one (decisions.md, 16), a campaign's
with nothing.

The move is one statement, and no window opens after it. Then the chunks are closed, in slices: what they did
not send of an edition is carried over, and no sender may touch them any more. A chunk in the hands of a sender is
closed by the scheduler, once the sender has let go of it; so is what an interrupted command left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tribune.domain.errors import Conflict
from tribune.domain.mailings import MAILING_MOVES, Mailing, MailingState
from tribune.ports.store import Transaction
from tribune.services.sending.pause_mailing import existing, told

SLICE = 20
"""Chunks that are closed in one transaction: 10,000 deliveries, about a second of the write lock on SQLite."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What a slice came to: chunks closed, people for whom something waits now, chunks that are not closed yet."""

    chunks: int
    people: int
    left: int


def cancel_mailing(tx: Transaction, mailing_id: int, now: datetime) -> tuple[Mailing, Closed]:
    """Cancel it, and close the first slice. Raises NotFound, and Conflict where there is nothing left to cancel."""
    may_be_cancelled(tx, mailing_id)
    if not tx.ledger.move(mailing_id, MailingState.CANCELLED, now):
        raise Conflict(
            f"Mailing {mailing_id} changed at this moment.", hint=f"See `tribune mailing show {mailing_id}`."
        )
    told(tx, mailing_id, "mailing.cancelled", now)
    closed = close_slice(tx, mailing_id, now)
    return existing(tx, mailing_id), closed


def may_be_cancelled(tx: Transaction, mailing_id: int) -> Mailing:
    """The mailing, where there is something to cancel. Raises NotFound, Conflict."""
    mailing = existing(tx, mailing_id)
    if MailingState.CANCELLED not in MAILING_MOVES[mailing.state]:
        if mailing.state is not MailingState.FINISHED:
            raise Conflict(
                f"Mailing {mailing_id} was cancelled already.", hint=f"See `tribune mailing show {mailing_id}`."
            )
        held = tx.attention.count_held_back(mailing_id)
        if held:
            raise Conflict(
                f"Mailing {mailing_id} is finished, but for {held:,} of its mails, held back until staff decide.",
                hint=f"Send them with `tribune mailing retry {mailing_id}`, or leave them with "
                f"`tribune mailing settle {mailing_id}`.",
            )
        raise Conflict(
            f"Mailing {mailing_id} is finished: nothing of it is still to leave.",
            hint=f"See `tribune mailing show {mailing_id}`.",
        )
    return mailing


def close_slice(tx: Transaction, mailing_id: int, now: datetime, limit: int = SLICE) -> Closed:
    """Close chunks of a cancelled mailing that nobody works on, and carry over what they did not send of an edition.
    Raises NotFound."""
    mailing = existing(tx, mailing_id)
    chunks = tx.cancelling.closable(mailing_id, now, limit)
    people = 0
    if chunks:
        if mailing.campaign is None:
            people = tx.cancelling.carry_over(mailing, chunks, _items(tx, mailing_id, chunks))
        tx.cancelling.close(mailing_id, chunks, now)
    left = tx.cancelling.held(mailing_id)
    if not left:
        tx.cancelling.end(mailing_id, now)
    return Closed(len(chunks), people, left)


def _items(tx: Transaction, mailing_id: int, chunks: list[int]) -> Iterator[tuple[int, int, str]]:
    """(signature, item, language shown) of what was not sent."""
    signatures = tx.cancelling.signatures(mailing_id, chunks)
    for signature, content in tx.ledger.contents(mailing_id, signatures).items():
        shown = {key.item: key.language for key in content.fragments}
        yield from ((signature, item, language) for item, language in shown.items())
