"""A person is erased: every row about them, their address and name among them. What is left is a keyed hash on the
suppression list, so that no import brings them back, a number on the request itself, and numbers of mailings that are
nobody's any more (decisions.md, 6; docs/adr/0027).

All rows go in one transaction. Mails that were caught in the outbox folder go after it; as one may be written at that
very moment, the scheduler clears them away once more a little later.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tribune.domain.errors import NotFound
from tribune.ports.channels import EmailChannel
from tribune.ports.data_requests import DataRequest, RequestKind, RequestState
from tribune.ports.store import AUDIENCE, ClearableStore, Transaction

ERASED = "erased"
"""The reason on the suppression list. Only the person themselves may take it off it, by subscribing again."""

CLEARED_AGAIN_AFTER = timedelta(minutes=10)
"""By then a sender that had a mail of theirs in hand has written it or has lost its lease."""

LIMIT = 100


def erase_person(
    store: ClearableStore, channel: EmailChannel, subscriber_id: int, by: str, now: datetime
) -> DataRequest:
    """Erase a person; the request, which may still have mails to clear away. To erase twice is to erase once.

    `by` says who asked (tribune.ports.data_requests). Raises NotFound for who was never there.
    """
    with store.write() as tx:
        request = erase_rows(tx, subscriber_id, by, now)
    store.clear_log()
    channel.forget(request.traces)
    return request


def erase_rows(tx: Transaction, subscriber_id: int, by: str, now: datetime) -> DataRequest:
    """The same without the channel, in the caller's transaction; what it caught is cleared away by the scheduler."""
    tx.lock(AUDIENCE)
    earlier = tx.data_requests.recent(kinds=[RequestKind.ERASE], subscriber=subscriber_id, limit=1)
    if earlier:
        return earlier[0]
    traces = tx.data_requests.mail_names(subscriber_id)
    if not tx.data_requests.erase(subscriber_id, ERASED, now):
        raise NotFound("There is no such subscriber.")
    for open_ in tx.data_requests.recent(states=[RequestState.WAITING], subscriber=subscriber_id):
        tx.data_requests.settle(open_.id, RequestState.REPLACED, now, of=RequestState.WAITING)
    state = RequestState.CLEARING if traces else RequestState.DONE
    return tx.data_requests.add(subscriber_id, RequestKind.ERASE, state, by, now, traces)


def was_erased(tx: Transaction, subscriber_id: int) -> bool:
    """Whether there was somebody of this number, and they were erased."""
    return bool(tx.data_requests.recent(kinds=[RequestKind.ERASE], subscriber=subscriber_id, limit=1))


def clear_away(store: ClearableStore, channel: EmailChannel, now: datetime) -> int:
    """Delete what the channel still holds of people who were erased a while ago; of how many."""
    with store.read() as tx:
        waiting = tx.data_requests.recent(states=[RequestState.CLEARING], limit=LIMIT)
        last = tx.data_requests.recent(kinds=[RequestKind.ERASE], limit=1)
    if last and last[0].created_at > now - CLEARED_AGAIN_AFTER:
        store.clear_log()
    cleared = 0
    for request in waiting:
        channel.forget(request.traces)
        if request.created_at <= now - CLEARED_AGAIN_AFTER:
            with store.write() as tx:
                cleared += tx.data_requests.settle(request.id, RequestState.DONE, now, of=RequestState.CLEARING)
    return cleared
