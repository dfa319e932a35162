"""What staff do for one person, on pages and through the API: each is written down in the audit log, and what changes
what they get also in their consent records. Facts and wishes are changed by save_person.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tribune.domain.audience import Subscriber
from tribune.domain.digests import Digest, Rules
from tribune.domain.errors import Conflict, Fault, InvalidInput
from tribune.domain.imports import Basis, BasisKind
from tribune.domain.notices import NoticeKind
from tribune.domain.zones import zone
from tribune.ports.channels import EmailChannel
from tribune.ports.data_requests import DataRequest
from tribune.ports.store import AUDIENCE, ClearableStore, Transaction
from tribune.services.audience.erase_person import erase_rows
from tribune.services.audience.export_my_data import export_my_data
from tribune.services.audience.pause_subscriber import pause_until, resume
from tribune.services.audience.unsubscribe import subscribe_again, unsubscribe
from tribune.services.notices.request_notice import request_notice
from tribune.services.people.by import By
from tribune.services.people.find_people import existing

BRINGS_BACK = BasisKind.CONSENT
"""No contract, function or list of others is the word of somebody who has stopped."""

BY_STAFF = "asked_by_phone_or_letter"
"""The reason on the suppression list where staff put somebody there because they asked for it."""

LISTED = "suppressed"
"""Where a Conflict comes from the suppression list."""


def send_link(tx: Transaction, id: int, rules: Rules, by: By, now: datetime) -> None:
    """Send the person a link to their preferences. Raises NotFound, and Conflict where they were sent enough or are
    never mailed (LISTED)."""
    person = existing(tx, id)
    if tx.audience.suppressed([person.address]):
        raise Conflict("This person's address is on the suppression list: no link is sent to it.", where=LISTED)
    digest = next((r.digest for r in person.rhythms), "")
    if request_notice(tx, NoticeKind.PREFERENCES_LINK, id, {"digest": digest}, rules, now) is None:
        raise Conflict("They were sent several links already.", hint="Wait an hour.")
    tx.audit.add(by.actor, "person.link_sent", f"subscriber/{id}", {}, now)


def stop_person(tx: Transaction, id: int, digest: str | None, by: By, now: datetime) -> bool:
    """Unsubscribe the person from a digest, or (None) all; whether anything changed. Raises NotFound, and InvalidInput
    for a digest that they do not have."""
    _has(existing(tx, id), digest)
    if not unsubscribe(tx, id, digest, now, by.source, by=by.who):
        return False
    tx.audit.add(by.actor, "person.unsubscribed", f"subscriber/{id}", {"digest": digest}, now)
    return True


def bring_back(
    tx: Transaction, id: int, digest: str | None, basis: Basis, reach_back: timedelta, by: By, now: datetime
) -> bool:
    """Undo an unsubscription that the person wants undone: `basis` says how they told it. Whether anything changed.
    Raises NotFound; InvalidInput for a digest that they never had, and for a ground that is no consent of theirs, or an
    older one than their last stop; Conflict for who is never mailed."""
    tx.lock(AUDIENCE)
    person = existing(tx, id)
    _has(person, digest)
    if tx.audience.suppressed([person.address]):
        raise Conflict("This person's address is on the suppression list.")
    _wants_it(person, digest, basis)
    if not subscribe_again(tx, id, digest, reach_back, now, source=by.source, by=by.who, basis=basis.text):
        return False
    facts = {"digest": digest, "basis": basis.kind.value}
    tx.audit.add(by.actor, "person.resubscribed", f"subscriber/{id}", facts, now)
    return True


def pause_person(tx: Transaction, id: int, until: date, by: By, now: datetime) -> bool:
    """Let nothing be sent before a day; whether anything changed. Raises NotFound and InvalidInput."""
    before = existing(tx, id).paused_until
    if pause_until(tx, id, until, now, source=by.source, by=by.who) == before:
        return False
    tx.audit.add(by.actor, "person.paused", f"subscriber/{id}", {"until": until.isoformat()}, now)
    return True


def resume_person(tx: Transaction, id: int, reach_back: timedelta, by: By, now: datetime) -> bool:
    """End a pause; whether there was one. Raises NotFound."""
    if not resume(tx, id, reach_back, now, source=by.source, by=by.who):
        return False
    tx.audit.add(by.actor, "person.resumed", f"subscriber/{id}", {}, now)
    return True


def export_person(tx: Transaction, id: int, digests: Mapping[str, Digest], by: By, now: datetime) -> dict[str, Any]:
    """Everything that is held about them, as they get it themselves: for a request that came by telephone or letter.
    Raises NotFound."""
    told, _ = export_my_data(tx, id, digests, by.who, now)
    tx.audit.add(by.actor, "person.exported", f"subscriber/{id}", {}, now)
    return told


def suppress_person(tx: Transaction, id: int, by: By, now: datetime) -> None:
    """They do not want to be mailed ever again: they are unsubscribed from everything, and their address goes on the
    list. When they fill in the form again, they are asked at their address, as who has left. Raises NotFound."""
    stop_person(tx, id, None, by, now)
    tx.audience.suppress(existing(tx, id).address, BY_STAFF, now)
    tx.audit.add(by.actor, "person.suppressed", f"subscriber/{id}", {"reason": BY_STAFF}, now)


def erase_for_staff(tx: Transaction, id: int, by: By, now: datetime) -> DataRequest:
    """Erase them; copies of mails are cleared away by the scheduler. The request. Raises NotFound."""
    request = erase_rows(tx, id, by.who, now)
    tx.audit.add(by.actor, "person.erased", f"subscriber/{id}", {}, now)
    return request


def erase_at_once(store: ClearableStore, channel: EmailChannel, id: int, by: By, now: datetime) -> DataRequest:
    """The same, with the copies of mails that there are at this moment. Raises NotFound."""
    with store.write() as tx:
        request = erase_for_staff(tx, id, by, now)
    store.clear_log()
    channel.forget(request.traces)
    return request


def _has(person: Subscriber, digest: str | None) -> None:
    if digest is not None and digest not in {rhythm.digest for rhythm in person.rhythms}:
        fault = Fault("/digest", f"This person has no subscription to {digest[:60]!r}.")
        raise InvalidInput(fault.what, where="digest", faults=[fault])


def _wants_it(person: Subscriber, digest: str | None, basis: Basis) -> None:
    if basis.kind is not BRINGS_BACK:
        fault = Fault("/basis/kind", "Only their own consent brings somebody back.", "Say how and when they told you.")
        raise InvalidInput(fault.what, where="basis", hint=fault.hint, faults=[fault])
    stops = [r.stopped_at for r in person.rhythms if r.stopped_at is not None and digest in (None, r.digest)]
    if not stops or basis.given is None:
        return
    last = max(stops)
    # Whoever wrote the day down may have meant theirs or ours.
    if basis.given < min(last.astimezone(UTC).date(), last.astimezone(zone(person.zone)).date()):
        fault = Fault("/basis/given", "They have unsubscribed after this day.", "Give the day on which they told you.")
        raise InvalidInput(fault.what, where="given", hint=fault.hint, faults=[fault])
