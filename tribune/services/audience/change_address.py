"""A person moves to another address: asked for from the old one, told there, and confirmed from the new one.

Whether the new address is somebody's already, or never mailed, makes no difference to what is answered: then no mail
goes there, and the change comes to nothing by itself. Of two changes the later one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.addresses import address_key
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.digests import Rules
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.notices import NoticeKind
from tribune.ports.data_requests import BY_THEMSELVES, DataRequest, RequestKind, RequestState
from tribune.ports.store import AUDIENCE, Transaction
from tribune.services.audience.subscriber_rows import RefusedCell, read_address
from tribune.services.notices.request_notice import request_notice


@dataclass(frozen=True, slots=True)
class AddressChange:
    """How a change stands. `open`: it waits to be confirmed; `done`: it was made."""

    open: bool = False
    done: bool = False


def ask_for_address(
    tx: Transaction, subscriber_id: int, told: str, digest: str, rules: Rules, now: datetime
) -> DataRequest:
    """Set a new address aside, tell the old one, and ask the new one.

    Raises NotFound for who has been erased, and InvalidInput for what is no address, or is theirs already.
    """
    tx.lock(AUDIENCE)
    person = tx.audience.one(subscriber_id)
    if person is None:
        raise NotFound("There is no such subscriber.", hint="They may have been erased.")
    try:
        address = read_address(told.strip())
    except RefusedCell as error:
        raise InvalidInput(error.reason, where="address", hint=error.hint) from None
    key = address_key(address)
    if key == address_key(person.address):
        raise InvalidInput("This is the address that we have.", where="address", hint="Nothing needs to change.")
    _replace_earlier(tx, subscriber_id, now)
    tx.data_requests.keep_new_address(subscriber_id, address)
    request = tx.data_requests.add(subscriber_id, RequestKind.ADDRESS, RequestState.WAITING, BY_THEMSELVES, now)
    content = {"digest": digest, "request": str(request.id)}
    request_notice(tx, NoticeKind.ADDRESS_ASKED, subscriber_id, content, rules, now)
    if tx.audience.by_address(address) is None and not tx.audience.suppressed([address]):
        request_notice(tx, NoticeKind.ADDRESS_CONFIRM, subscriber_id, content, rules, now)
    return request


def look_at_change(
    tx: Transaction, subscriber_id: int, request_id: int, good_for: timedelta, now: datetime
) -> AddressChange:
    """How a change stands; one that there never was is neither open nor done."""
    request = _request(tx, subscriber_id, request_id)
    if request is None:
        return AddressChange()
    waits = request.state is RequestState.WAITING and now < request.created_at + good_for
    return AddressChange(waits, request.state is RequestState.DONE)


def confirm_address(
    tx: Transaction, subscriber_id: int, request_id: int, good_for: timedelta, now: datetime, network: str = ""
) -> bool:
    """Make the change. False where it is not open any more, or the address became another person's meanwhile. From the
    next window on mailings that are running go to the new address."""
    tx.lock(AUDIENCE)
    if not look_at_change(tx, subscriber_id, request_id, good_for, now).open:
        return False
    if not tx.data_requests.move(subscriber_id, now):
        return False
    person = tx.audience.one(subscriber_id)
    if person is not None:
        told = (person.id, ConsentAct.CHANGED, now, ConsentSource.MAIL, agreed(person))
        tx.consents.add([ConsentRecord(*told, network=network)])
    return tx.data_requests.settle(request_id, RequestState.DONE, now, of=RequestState.WAITING)


def stop_change(tx: Transaction, subscriber_id: int, request_id: int, now: datetime) -> bool:
    """ "This was not me": the change is not made. False where it is not open any more."""
    tx.lock(AUDIENCE)
    request = _request(tx, subscriber_id, request_id)
    if request is None or not tx.data_requests.settle(request_id, RequestState.REFUSED, now, of=RequestState.WAITING):
        return False
    tx.data_requests.keep_new_address(subscriber_id, None)
    return True


def _replace_earlier(tx: Transaction, subscriber_id: int, now: datetime) -> None:
    waiting = tx.data_requests.recent(
        kinds=[RequestKind.ADDRESS], states=[RequestState.WAITING], subscriber=subscriber_id
    )
    for request in waiting:
        tx.data_requests.settle(request.id, RequestState.REPLACED, now, of=RequestState.WAITING)


def _request(tx: Transaction, subscriber_id: int, request_id: int) -> DataRequest | None:
    request = tx.data_requests.one(request_id)
    if request is None or request.subscriber != subscriber_id or request.kind is not RequestKind.ADDRESS:
        return None
    return request
