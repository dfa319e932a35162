"""Pause a mailing, and let it go on. A pause takes effect at the next window of each sender, and loses nothing."""

from __future__ import annotations

from datetime import datetime

from tribune.domain.errors import Conflict, NotFound
from tribune.domain.mailings import Mailing, MailingState
from tribune.ports.store import Transaction
from tribune.services.sending.mailing_events import chunk_ready, mailing_changed

SOURCE = "/tribune/mailings"


def pause_mailing(tx: Transaction, mailing_id: int, now: datetime) -> Mailing:
    """Let it rest: no window opens any more. Raises NotFound, and Conflict where there is nothing to pause."""
    mailing = existing(tx, mailing_id)
    if not tx.ledger.move(mailing_id, MailingState.PAUSED, now):
        raise Conflict(
            f"Mailing {mailing_id} {_IS[mailing.state]}.", hint=_INSTEAD_OF_PAUSE[mailing.state].format(mailing_id)
        )
    return told(tx, mailing_id, "mailing.paused", now)


def resume_mailing(tx: Transaction, mailing_id: int, now: datetime) -> Mailing:
    """Let it go on: an event for each chunk that is not done. A sender that still has one of them keeps it, because a
    claim finds it taken. Raises NotFound, and Conflict where it is not paused."""
    mailing = existing(tx, mailing_id)
    # "Started" is told with the first claim of an approved mailing: one that was paused before waits for that again.
    to = MailingState.RUNNING if mailing.started_at else MailingState.APPROVED
    if not tx.ledger.move(mailing_id, to, now, of=MailingState.PAUSED):
        of_campaign = mailing.campaign is not None and mailing.state is MailingState.CANCELLED
        instead = _INSTEAD_OF_PAUSE if of_campaign else _INSTEAD_OF_RESUME
        raise Conflict(
            f"Mailing {mailing_id} {_IS[mailing.state]}, not paused.", hint=instead[mailing.state].format(mailing_id)
        )
    mailing = told(tx, mailing_id, "mailing.resumed", now)
    for chunk in tx.ledger.going_on(mailing_id, now):
        tx.outbox.add(chunk_ready(mailing, chunk, now, change=mailing.changes, source=SOURCE))
    if tx.ledger.finish(mailing_id, now):  # the senders had got through with it while it was paused
        tx.outbox.add(mailing_changed(tx, mailing, "mailing.finished", now))
    return existing(tx, mailing_id)


def existing(tx: Transaction, mailing_id: int) -> Mailing:
    """The mailing. Raises NotFound."""
    mailing = tx.ledger.mailing(mailing_id)
    if mailing is None:
        raise NotFound(f"There is no mailing {mailing_id}.", hint="See `tribune mailing list`.")
    return mailing


def told(tx: Transaction, mailing_id: int, type: str, now: datetime) -> Mailing:
    """Tell of a change that was just made; the mailing as it is now."""
    mailing = existing(tx, mailing_id)
    tx.outbox.add(mailing_changed(tx, mailing, type, now, source=SOURCE))
    return mailing


_IS = {
    MailingState.PLANNED: "waits for approval",
    MailingState.APPROVED: "is approved",
    MailingState.RUNNING: "is being sent",
    MailingState.PAUSED: "is paused already",
    MailingState.CANCELLED: "was cancelled",
    MailingState.FINISHED: "is finished",
}
_INSTEAD_OF_PAUSE = {
    MailingState.PLANNED: "Nothing of it leaves before `tribune mailing approve {0}`.",
    MailingState.PAUSED: "Let it go on with `tribune mailing resume {0}`.",
    MailingState.CANCELLED: "Nothing of it leaves any more; see `tribune mailing show {0}`.",
    MailingState.FINISHED: "Nothing of it waits to leave; see `tribune mailing show {0}`.",
}
_INSTEAD_OF_RESUME = {
    MailingState.PLANNED: "Let it leave with `tribune mailing approve {0}`.",
    MailingState.APPROVED: "It leaves by itself; see `tribune mailing show {0}`.",
    MailingState.RUNNING: "See `tribune mailing show {0}`.",
    MailingState.CANCELLED: "What it held comes with the next edition; see `tribune mailing show {0}`.",
    MailingState.FINISHED: "See `tribune mailing show {0}`, and `tribune mailing retry {0}` for what is held back.",
}
