"""A person stops a digest or everything, comes back, or asks for less. To stop twice is to stop once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tribune.domain.audience import Cadence, Subscriber
from tribune.domain.changes import next_slower, slowed, subscribed_again
from tribune.domain.codelists import Codelists
from tribune.domain.consent import SELF, ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.consent import stopped as stopped_of
from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.domain.sign_up import LIFTED
from tribune.ports.store import AUDIENCE, PEOPLE, Transaction
from tribune.services.audience.change_subscribers import change_subscribers
from tribune.services.planning.wait_for_at_once import catch_up_at_once


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody stops a digest (None: everything), through this door and from this network (shortened)."""

    subscriber: int
    digest: str | None
    source: ConsentSource = ConsentSource.MAIL
    network: str = ""
    by: str = SELF


def unsubscribe(
    tx: Transaction,
    subscriber_id: int,
    digest: str | None,
    now: datetime,
    source: ConsentSource = ConsentSource.MAIL,
    network: str = "",
    by: str = SELF,
) -> bool:
    """Stop a digest (None: everything). From the next window on nothing is sent. Whether anything changed.

    Raises NotFound for a person who has been erased.
    """
    (changed,) = unsubscribe_together(tx, [Stop(subscriber_id, digest, source, network, by)], now)
    if not changed and tx.audience.one(subscriber_id) is None:
        raise NotFound("There is no such subscriber.", hint="They may have been erased.")
    return changed


def unsubscribe_together(tx: Transaction, stops: Sequence[Stop], now: datetime) -> list[bool]:
    """The same for many at once, in a few statements: whether each changed anything. Who has been erased does not.

    A running plan is not waited for: whom it has taken in already is left out when their window is claimed.
    """
    tx.lock(PEOPLE)
    left = tx.audience.stop({(stop.subscriber, stop.digest) for stop in stops}, now)
    told, records = [], []
    for stop in stops:
        changed = (stop.subscriber, stop.digest) in left
        told.append(changed)
        if changed:
            left.discard((stop.subscriber, stop.digest))  # twice in a batch is once
            what = stopped_of(stop.digest)
            records.append(
                ConsentRecord(
                    *(stop.subscriber, ConsentAct.UNSUBSCRIBED, now, stop.source, what),
                    network=stop.network,
                    by=stop.by,
                )
            )
    tx.consents.add(records)
    return told


def subscribe_again(
    tx: Transaction,
    subscriber_id: int,
    digest: str | None,
    reach_back: timedelta,
    now: datetime,
    network: str = "",
    *,
    source: ConsentSource = ConsentSource.MAIL,
    by: str = SELF,
    basis: str = "",
) -> bool:
    """Undo `unsubscribe`: same choices, same rhythm, same pause while it lasts; what was released meanwhile is made
    up for, at most `reach_back` of it. Who had asked staff never to be mailed, and comes back themselves, leaves the
    suppression list.

    A form of theirs that waits for its confirmation is forgotten: confirmed later it would throw away what is made up
    for and what they changed since, and after a further stop it would bring them back. Its link then says that they
    are subscribed, and leads to their preferences. Whether anything changed. Raises NotFound."""
    person = _person(tx, subscriber_id)
    back = subscribed_again(person, digest, tx.planning.sequence_before(now - reach_back), now)
    if not _store(tx, person, back, now):
        return False
    if back.status is not person.status:
        tx.sign_ups.forget([person.id])
    if by == SELF:
        tx.audience.lift([person.address], LIFTED)
    catch_up_at_once(tx, [back], now)
    told = (person.id, ConsentAct.RESUBSCRIBED, now, source, agreed(back))
    tx.consents.add([ConsentRecord(*told, network=network, by=by, basis=basis)])
    return True


def less_often(
    tx: Transaction, subscriber_id: int, digest: Digest, codelists: Codelists, now: datetime, network: str = ""
) -> Cadence | None:
    """Move what a person gets most often of a digest to the next slower cadence that it has: the new cadence, or
    None where there is none slower. Raises NotFound."""
    person = _person(tx, subscriber_id)
    step = next_slower(person, digest.id, digest.cadences)
    if step is None:
        return None
    after = slowed(person, digest.id, *step)
    change_subscribers(tx, [(person, after)], {digest.id: digest}, codelists, now)
    told = (person.id, ConsentAct.CHANGED, now, ConsentSource.MAIL, agreed(after))
    tx.consents.add([ConsentRecord(*told, network=network)])
    return step[1]


def _person(tx: Transaction, subscriber_id: int) -> Subscriber:
    tx.lock(AUDIENCE)
    person = tx.audience.one(subscriber_id)
    if person is None:
        raise NotFound("There is no such subscriber.", hint="They may have been erased.")
    return person


def _store(tx: Transaction, person: Subscriber, after: Subscriber, now: datetime) -> bool:
    if after == person:
        return False
    tx.audience.set_stopped(after, now)
    return True
