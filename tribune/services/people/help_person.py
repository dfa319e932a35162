"""What staff do for one person: each is written down in the audit log, and what changes what they get also in their
consent records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from tribune.domain.audience import Subscriber
from tribune.domain.codelists import Codelists
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.digests import Digest, Rules
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.notices import NoticeKind
from tribune.ports.store import AUDIENCE, Transaction
from tribune.services.audience.change_subscribers import change_subscribers
from tribune.services.audience.erase_person import erase_rows
from tribune.services.audience.pause_subscriber import pause_until
from tribune.services.audience.subscriber_cells import RefusedCell, code, read_languages, read_name, read_zone
from tribune.services.audience.unsubscribe import unsubscribe
from tribune.services.notices.request_notice import request_notice

BY_STAFF = "asked_by_phone_or_letter"
"""The reason on the suppression list where staff put somebody there because they asked for it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What staff may correct, as cells: `languages` like fr|en."""

    name: str
    group: str
    languages: str
    zone: str


def send_link(tx: Transaction, id: int, rules: Rules, actor: str, now: datetime) -> None:
    """Send the person a link to their preferences. Raises NotFound, and Conflict where they were sent enough."""
    person = _person(tx, id)
    digest = next((r.digest for r in person.rhythms), "")
    if request_notice(tx, NoticeKind.PREFERENCES_LINK, id, {"digest": digest}, rules, now) is None:
        raise Conflict("They were sent several links already.", hint="Wait an hour.")
    tx.audit.add(actor, "person.link_sent", f"subscriber/{id}", {}, now)


def stop_person(tx: Transaction, id: int, digest: str | None, actor: str, now: datetime) -> None:
    """Unsubscribe the person from a digest, or (None) all. Raises NotFound, and InvalidInput for a digest that they do
    not have."""
    if digest is not None and all(r.digest != digest for r in _person(tx, id).rhythms):
        raise InvalidInput("They do not receive this digest.", where="digest")
    unsubscribe(tx, id, digest, now, ConsentSource.STAFF, by=actor)
    tx.audit.add(actor, "person.unsubscribed", f"subscriber/{id}", {"digest": digest}, now)


def pause_person(tx: Transaction, id: int, until: date, actor: str, now: datetime) -> None:
    """Let nothing be sent before a day. Raises NotFound and InvalidInput."""
    pause_until(tx, id, until, now, source=ConsentSource.STAFF, by=actor)
    tx.audit.add(actor, "person.paused", f"subscriber/{id}", {"until": until.isoformat()}, now)


def correct_person(
    tx: Transaction,
    id: int,
    facts: Facts,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    actor: str,
    now: datetime,
) -> bool:
    """Correct who somebody is; whether anything changed. Raises NotFound, and InvalidInput whose `where` is the
    field."""
    tx.lock(AUDIENCE)
    old = _person(tx, id)
    new = _corrected(old, facts, codelists)
    if new == old:
        return False
    change_subscribers(tx, [(old, new)], digests, codelists, now)
    record = ConsentRecord(id, ConsentAct.CHANGED, now, ConsentSource.STAFF, agreed(new), by=actor)
    tx.consents.add([record])
    changed = [name for name in ("name", "group", "languages", "zone") if getattr(old, name) != getattr(new, name)]
    tx.audit.add(actor, "person.corrected", f"subscriber/{id}", {"fields": " ".join(changed)}, now)
    return True


def suppress_person(tx: Transaction, id: int, actor: str, now: datetime) -> None:
    """Never mail their address again. Raises NotFound."""
    tx.audience.suppress(_person(tx, id).address, BY_STAFF, now)
    tx.audit.add(actor, "person.suppressed", f"subscriber/{id}", {"reason": BY_STAFF}, now)


def erase_for_staff(tx: Transaction, id: int, actor: str, now: datetime) -> None:
    """Erase them; copies of mails are cleared away by the scheduler. Raises NotFound."""
    erase_rows(tx, id, actor.replace("/", ":"), now)
    tx.audit.add(actor, "person.erased", f"subscriber/{id}", {}, now)


def _person(tx: Transaction, id: int) -> Subscriber:
    person = tx.audience.one(id) if 0 < id < 2**31 else None
    if person is None:
        raise NotFound("There is no such subscriber.")
    return person


def _corrected(old: Subscriber, facts: Facts, codelists: Codelists) -> Subscriber:
    try:
        languages = read_languages(facts.languages)
        zone = read_zone(facts.zone)
        name = read_name(facts.name.strip())
        group = code("group", facts.group, codelists.groups)
    except RefusedCell as error:
        raise InvalidInput(error.reason, where=error.column, hint=error.hint) from None
    return replace(old, name=name, group=group, languages=languages, zone=zone)
