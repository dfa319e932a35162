"""Staff decide: what is held back, or waits for its next attempt, is tried now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.mailings import DeliveryState, MailingState
from tribune.ports.store import Transaction
from tribune.services.sending.pause_mailing import existing, told
from tribune.services.sending.send_retries import release_retries

RETRIED = (DeliveryState.QUARANTINED, DeliveryState.RETRY, DeliveryState.FAILED)
"""States out of which a delivery can be tried again."""

BY_ITSELF = (DeliveryState.QUARANTINED, DeliveryState.RETRY)
"""Those that are meant where none is named: what failed for good is tried again only where somebody says so."""

_FIRST = {
    MailingState.PLANNED: ("waits for approval", "Approve it first: `tribune mailing approve {0}`."),
    MailingState.PAUSED: ("is paused", "Let it go on first: `tribune mailing resume {0}`."),
    MailingState.CANCELLED: ("was cancelled", "Nothing of it leaves any more; see `tribune mailing show {0}`."),
}


def retry_mailing(
    tx: Transaction, mailing_id: int, now: datetime, states: Collection[DeliveryState] = BY_ITSELF
) -> Mapping[DeliveryState, int]:
    """Try deliveries in these states now; how many of each. Who is suppressed or has unsubscribed is still left out:
    that is looked at again. A finished mailing runs again until they are settled, so that it can be paused or
    cancelled. Raises NotFound, InvalidInput for another state, Conflict where nothing may leave."""
    mailing = existing(tx, mailing_id)
    wrong = [state.value for state in states if state not in RETRIED]
    if wrong:
        allowed = ", ".join(state.value for state in RETRIED)
        raise InvalidInput(f"What is {wrong[0]} cannot be tried again.", hint=f"Name one of {allowed}.")
    if mailing.state in _FIRST:
        what, hint = _FIRST[mailing.state]
        raise Conflict(f"Mailing {mailing_id} {what}.", hint=hint.format(mailing_id))
    if mailing.aged_at is not None:
        raise Conflict(
            f"Mailing {mailing_id} has aged out: who got what of it is no longer kept ([ledger] keep_days).",
            hint=f"Its numbers are in `tribune mailing show {mailing_id}`.",
        )
    found = tx.ledger.retry_now(mailing_id, states, now)
    again = any(found.values()) and mailing.state is MailingState.FINISHED
    if again and tx.ledger.move(mailing_id, MailingState.RUNNING, now, of=MailingState.FINISHED):
        told(tx, mailing_id, "mailing.resumed", now)
    release_retries(tx, now)
    return found
