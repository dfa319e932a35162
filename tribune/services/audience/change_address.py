"""A person moves to another address: asked for from the old one, told there, and confirmed from the new one.

Whether the new address is somebody's already, or never mailed, makes no difference to what is answered or kept: then no
mail goes there, and the change comes to nothing by itself. Of two changes the later one counts.

Nothing happens behind the back of the present address: a change of which it may not be told any more (there were
several already) is not opened, each warning stops whatever waits, and no change is made before its own warning was
handed over. As strangers may type any address, one address is asked few times, whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.addresses import address_key
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.errors import InvalidInput, NotFound
from tribune.domain.notices import OVER, TARGET_LIMITS, NoticeKind, NoticeState, longest_limit, may_be_requested
from tribune.domain.sign_up import LIFTED, NOBODYS, Quota
from tribune.ports.data_requests import BY_THEMSELVES, DataRequest, RequestKind, RequestState
from tribune.ports.quotas import Window
from tribune.ports.store import AUDIENCE, Transaction
from tribune.services.audience.sign_up import SignUps
from tribune.services.audience.subscriber_rows import RefusedCell, read_address
from tribune.services.notices.request_notice import Request, request_notices


@dataclass(frozen=True, slots=True)
class AddressChange:
    """How a change stands. `open`: it waits to be confirmed (`early`: the present address is being told of it, and
    nothing can be confirmed before); `done`: it was made; `erased`: there is nobody any more."""

    open: bool = False
    done: bool = False
    early: bool = False
    erased: bool = False


def ask_for_address(
    tx: Transaction, subscriber_id: int, told: str, digest: str, needs: SignUps, now: datetime, network: str = ""
) -> DataRequest | None:
    """Set a new address aside, tell the old one, and ask the new one. None, and nothing has changed, where this person
    or this network (shortened) has asked too often: whoever has the address does not matter for it.

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
    if network and not _holds(tx, f"a change from {network}", needs.quotas, needs, now):
        return None
    warning = NoticeKind.ADDRESS_ASKED
    if not may_be_requested(warning, tx.notices.requested(subscriber_id, warning, now - longest_limit(warning)), now):
        return None
    may_be_asked = _holds(tx, f"a change to {key}", [Quota(*limit) for limit in TARGET_LIMITS], needs, now)
    _settle_waiting(tx, subscriber_id, RequestState.REPLACED, now)
    tx.data_requests.keep_new_address(subscriber_id, address)
    request = tx.data_requests.add(subscriber_id, RequestKind.ADDRESS, RequestState.WAITING, BY_THEMSELVES, now)
    content = {"digest": digest, "request": str(request.id)}
    asked = content if may_be_asked else {**content, OVER: "yes"}
    mails = [
        Request(warning, subscriber_id, person.languages, content),
        # Whether it may go there is looked at by who sends it: nothing here depends on whose the address is.
        Request(NoticeKind.ADDRESS_CONFIRM, subscriber_id, person.languages, asked),
    ]
    request_notices(tx, mails, needs.rules, now)
    return request


def look_at_change(
    tx: Transaction, subscriber_id: int, request_id: int, good_for: timedelta, now: datetime
) -> AddressChange:
    """How the change stands that a link confirms; one that there never was is neither open nor done."""
    request = _request(tx, subscriber_id, request_id)
    if request is None:
        return AddressChange()
    waits = request.state is RequestState.WAITING and now < request.created_at + good_for
    warning = _warning(tx, request) if waits else None
    told = warning is NoticeState.SENT
    on_its_way = warning is not None and not warning.settled
    return AddressChange(told or on_its_way, request.state is RequestState.DONE, early=on_its_way)


def confirm_address(
    tx: Transaction, subscriber_id: int, request_id: int, good_for: timedelta, now: datetime, network: str = ""
) -> bool:
    """Make the change. False where it is not open, the present address has not been told yet, or the new one became
    another reader's meanwhile. From the next window on mailings that are running go to the new address.

    What the new address has of its own goes on with this person: it is one mailbox. Whoever typed it into a form, or
    had left there, is nobody's row any more; what was agreed to and taken back there stays on record. Nothing of it
    comes into force again. A form that waits for the old mailbox is forgotten.
    """
    tx.lock(AUDIENCE)
    stands = look_at_change(tx, subscriber_id, request_id, good_for, now)
    person, address = tx.audience.one(subscriber_id), tx.data_requests.new_address(subscriber_id)
    if not stands.open or stands.early or person is None or address is None:
        return False
    if not _make_way(tx, subscriber_id, person.address, address, now) or not tx.data_requests.move(subscriber_id, now):
        return False
    tx.audience.lift([address], LIFTED)
    tx.sign_ups.forget([subscriber_id])
    tx.notices.call_off(subscriber_id, NoticeKind.CONFIRM_SUBSCRIPTION, "moved", now)
    told = (subscriber_id, ConsentAct.CHANGED, now, ConsentSource.MAIL, agreed(person))
    tx.consents.add([ConsentRecord(*told, network=network)])
    return tx.data_requests.settle(request_id, RequestState.DONE, now, of=RequestState.WAITING)


def look_at_stop(
    tx: Transaction, subscriber_id: int, request_id: int, good_for: timedelta, now: datetime
) -> AddressChange:
    """What a warning's link can still do: stop whatever waits, until the person has moved by this or a later change."""
    if _request(tx, subscriber_id, request_id) is None:
        return AddressChange()
    if tx.audience.one(subscriber_id) is None:
        return AddressChange(erased=True)
    if _moved_since(tx, subscriber_id, request_id):
        return AddressChange(done=True)
    waiting = _those(tx, subscriber_id, RequestState.WAITING)
    return AddressChange(any(now < request.created_at + good_for for request in waiting))


def stop_change(tx: Transaction, subscriber_id: int, request_id: int, now: datetime) -> bool:
    """ "This was not me": no change that waits is made, whichever of them the warning was about. False where there is
    none, or where the person has moved since: what follows is another mailbox's."""
    tx.lock(AUDIENCE)
    if _request(tx, subscriber_id, request_id) is None or _moved_since(tx, subscriber_id, request_id):
        return False
    if not _settle_waiting(tx, subscriber_id, RequestState.REFUSED, now):
        return False
    tx.data_requests.keep_new_address(subscriber_id, None)
    return True


def _holds(tx: Transaction, who: str, quotas: Sequence[Quota], needs: SignUps, now: datetime) -> bool:
    """Whether one more from (or to) here keeps within these quotas. It is counted."""
    windows = {
        Window(needs.hidden(f"{quota.within.total_seconds():.0f} {who}"), quota.until(now), quota.within): quota
        for quota in quotas
    }
    counted = tx.quotas.count(dict.fromkeys(windows, 1))
    return all(quota.holds(*counted[window], now) for window, quota in windows.items())


def _make_way(tx: Transaction, subscriber_id: int, old: str, new: str, now: datetime) -> bool:
    """Have nobody else at the new address. False where somebody is subscribed there."""
    key = address_key(new)
    known = tx.sign_ups.known([address_key(old), key])  # a form that is sent for it at this moment waits for us
    tx.sign_ups.take_turn()
    other = known.get(key) or tx.sign_ups.known([key]).get(key)
    if other is None:
        return True
    if other.status not in NOBODYS:
        return False
    traces = tx.data_requests.join(other.subscriber, subscriber_id)
    _settle_waiting(tx, other.subscriber, RequestState.REPLACED, now)
    # Mails that were caught are cleared away like those of anybody who is erased.
    state = RequestState.CLEARING if traces else RequestState.DONE
    tx.data_requests.add(other.subscriber, RequestKind.ERASE, state, BY_THEMSELVES, now, traces)
    return True


def _settle_waiting(tx: Transaction, subscriber_id: int, to: RequestState, now: datetime) -> int:
    """Settle all changes of a person that wait; how many."""
    waiting = _those(tx, subscriber_id, RequestState.WAITING)
    return sum(tx.data_requests.settle(request.id, to, now, of=RequestState.WAITING) for request in waiting)


def _moved_since(tx: Transaction, subscriber_id: int, request_id: int) -> bool:
    return any(request.id >= request_id for request in _those(tx, subscriber_id, RequestState.DONE)[:1])


def _those(tx: Transaction, subscriber_id: int, state: RequestState) -> list[DataRequest]:
    return tx.data_requests.recent(kinds=[RequestKind.ADDRESS], states=[state], subscriber=subscriber_id)


def _warning(tx: Transaction, request: DataRequest) -> NoticeState | None:
    """What became of the mail that tells the present address of a change."""
    sent = tx.notices.recent(kinds=[NoticeKind.ADDRESS_ASKED], subscriber=request.subscriber)
    return next((notice.state for notice in sent if notice.content["request"] == str(request.id)), None)


def _request(tx: Transaction, subscriber_id: int, request_id: int) -> DataRequest | None:
    request = tx.data_requests.one(request_id)
    if request is None or request.subscriber != subscriber_id or request.kind is not RequestKind.ADDRESS:
        return None
    return request
