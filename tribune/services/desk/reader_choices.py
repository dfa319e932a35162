"""What the page behind a mail's links may offer a reader, and the undoing of "less often"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tribune.domain.audience import Cadence, Status, Subscriber
from tribune.domain.changes import next_slower, slowed
from tribune.domain.codelists import Codelists
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.digests import Digest
from tribune.domain.sign_up import received
from tribune.ports.store import Transaction
from tribune.services.audience.change_subscribers import change_subscribers


@dataclass(frozen=True, slots=True)
class ReaderChoices:
    """How a reader and a digest stand. Nothing of it says who they are.

    `receives` is False for one who has stopped it or was erased (`known` False), and for a digest that is no more
    (`offered` False). `others`: the further digests that they receive. `pace` is how often it comes,
    `slower` the next slower cadence on offer; `exact_undo`: going there can be undone without a trace.
    `paused` with the instant at which it ends by itself (None: it does not), and the zone in which that is a day.
    """

    known: bool
    languages: tuple[str, ...] = ()
    receives: bool = False
    offered: bool = True
    others: tuple[str, ...] = ()
    pace: Cadence | None = None
    slower: Cadence | None = None
    exact_undo: bool = False
    paused: bool = False
    paused_until: datetime | None = None
    zone: str = "UTC"


def reader_choices(tx: Transaction, subscriber_id: int, digest: str, digests: Mapping[str, Digest]) -> ReaderChoices:
    """How things stand for this reader."""
    person = tx.audience.one(subscriber_id)
    if person is None:
        return ReaderChoices(known=False)
    return choices_of(person, digest, digests)


def choices_of(person: Subscriber, digest: str, digests: Mapping[str, Digest]) -> ReaderChoices:
    """The same of a person who was read already."""
    rhythms = [rhythm for rhythm in person.rhythms if rhythm.digest == digest]
    open_ = received(person)
    offered = digest in digests
    receives = offered and digest in open_
    others = tuple(id for id in digests if id in open_ and id != digest)
    paused = person.status is Status.PAUSED
    step = next_slower(person, digest, digests[digest].cadences) if receives else None
    pace, slower = step or (None, None)
    exact = slower is not None and slower not in {rhythm.cadence for rhythm in rhythms}
    return ReaderChoices(
        *(True, person.languages, receives, offered, others),
        *(pace, slower, exact, paused, person.paused_until if paused else None, person.zone),
    )


def as_often_as_before(
    tx: Transaction,
    subscriber_id: int,
    digest: Digest,
    now_at: Cadence,
    before: Cadence,
    codelists: Codelists,
    now: datetime,
    network: str = "",
) -> bool:
    """Undo `less_often`: back from the cadence `now_at` to `before`. False where things have changed meanwhile."""
    person = tx.audience.one(subscriber_id)
    mine = {s.cadence for s in person.subscriptions if s.digest == digest.id} if person else set()
    if person is None or now_at not in mine or before in mine or before not in digest.cadences:
        return False
    after = slowed(person, digest.id, now_at, before)
    change_subscribers(tx, [(person, after)], {digest.id: digest}, codelists, now)
    told = (person.id, ConsentAct.CHANGED, now, ConsentSource.MAIL, agreed(after))
    tx.consents.add([ConsentRecord(*told, network=network)])
    return True
