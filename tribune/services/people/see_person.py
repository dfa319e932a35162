"""Everything that staff may see of one person; that somebody has looked is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tribune.domain.addresses import address_key
from tribune.domain.audience import Cadence, Rhythm, Status, Subscriber
from tribune.domain.consent import ConsentRecord
from tribune.domain.mailings import Mailing
from tribune.domain.schedule import Timing, cohort_weekday, next_due
from tribune.ports.data_requests import DataRequest
from tribune.ports.ledger import DeliveryView
from tribune.ports.people import Listed
from tribune.ports.store import Transaction
from tribune.services.people.find_people import existing

DELIVERIES = 20
RECORDS = 50


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """A person. `next`: (digest, cadence) -> when the next mail is due; those that come at once have none."""

    person: Subscriber
    listed: Listed | None
    next: Mapping[tuple[str, Cadence], datetime]
    deliveries: Sequence[DeliveryView]
    mailings: Mapping[int, Mailing]
    consents: Sequence[ConsentRecord]
    requests: Sequence[DataRequest]
    tags: Sequence[str]


def see_person(tx: Transaction, id: int, actor: str, now: datetime) -> SeenPerson:
    """The person, for `actor`, who is written down. Raises NotFound."""
    person = existing(tx, id)
    deliveries = tx.ledger.deliveries_to(id, limit=DELIVERIES)
    mailings = {number: tx.ledger.mailing(number) for number in {one.mailing for one in deliveries}}
    seen = SeenPerson(
        person=person,
        listed=tx.people.listed(address_key(person.address)),
        next={(r.digest, r.cadence): _next(r, person, now) for r in person.rhythms if _mailed(person, r)},
        deliveries=deliveries,
        mailings={number: mailing for number, mailing in mailings.items() if mailing is not None},
        consents=tx.consents.of(id)[-RECORDS:][::-1],
        requests=tx.data_requests.recent(subscriber=id),
        tags=sorted(tx.segments.tags_of([id]).get(id, ())),
    )
    tx.audit.add(actor, "person.seen", f"subscriber/{id}", {}, now)
    return seen


def _mailed(person: Subscriber, rhythm: Rhythm) -> bool:
    at_once = rhythm.cadence is Cadence.AT_ONCE
    return person.status is Status.ACTIVE and rhythm.stopped_at is None and not at_once


def _next(rhythm: Rhythm, person: Subscriber, now: datetime) -> datetime:
    weekday = cohort_weekday(rhythm.cadence, rhythm.weekday)
    return next_due(Timing(rhythm.cadence, weekday, rhythm.hour, person.zone), now).due_at
