"""Approve a mailing that was planned for approval each time: from now on it leaves, or when it is due."""

from __future__ import annotations

from datetime import datetime

from tribune.domain.errors import Conflict, NotFound
from tribune.domain.mailings import ChunkState, Mailing, MailingState
from tribune.ports.store import Transaction
from tribune.services.sending.mailing_events import chunk_ready, mailing_changed

SOURCE = "/tribune/mailings"


def approve_mailing(tx: Transaction, mailing_id: int, now: datetime) -> Mailing:
    """Approve, and give its chunks to the senders. Raises NotFound, and Conflict where nothing waits for it."""
    mailing = tx.ledger.mailing(mailing_id)
    if mailing is None:
        raise NotFound(f"There is no mailing {mailing_id}.", hint="See `tribune mailing list`.")
    if not tx.ledger.move(mailing_id, MailingState.APPROVED, now, of=MailingState.PLANNED):
        raise Conflict(
            f"Mailing {mailing_id} is {mailing.state.value}, not waiting for approval.",
            hint=f"See `tribune mailing show {mailing_id}`.",
        )
    if mailing.campaign is not None:
        # Its mails bear the day on which they leave, not that on which they were written.
        tx.ledger.put_off(mailing_id, now)
    tx.outbox.add(mailing_changed(tx, mailing, "mailing.approved", now, source=SOURCE))
    for view in tx.ledger.chunks(mailing_id):
        if view.state != ChunkState.DONE.value:
            tx.outbox.add(chunk_ready(mailing, view.chunk, now, source=SOURCE))
    return mailing
