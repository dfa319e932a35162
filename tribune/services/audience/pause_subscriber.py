"""A person pauses, and goes on: by themselves, or when the day comes that they named.

What was released meanwhile is made up for, and so is what a mailing that was under way did not bring because of the
pause; of either no more than the settings say (decisions.md, 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from tribune.domain.audience import Cadence, Status, Subscriber
from tribune.domain.changes import pause_ends_at, resumed
from tribune.domain.consent import SELF, ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.errors import Fault, InvalidInput, NotFound
from tribune.ports.audience import CarryOver
from tribune.ports.store import AUDIENCE, PEOPLE, Transaction
from tribune.services.planning.wait_for_at_once import catch_up_at_once

LONGEST = timedelta(days=366)
"""Who wants to hear nothing for longer than that wants to stop."""

AT_ONCE = 200
"""So many go on in one transaction."""


def pause_until(
    tx: Transaction,
    subscriber_id: int,
    day: date,
    now: datetime,
    *,
    source: ConsentSource = ConsentSource.MAIL,
    network: str = "",
    by: str = SELF,
) -> datetime:
    """Send nothing to a person before this day begins where they are: that instant. Also mailings that are running
    stop for them, from the next window on.

    Raises NotFound for who has been erased, and InvalidInput for a day that is not in the future or too far in it, and
    for a person who has stopped everything.
    """
    tx.lock(PEOPLE)  # a running plan is not waited for: a sender looks again
    person = tx.audience.one(subscriber_id)
    if person is None:
        raise NotFound("There is no such subscriber.", hint="They may have been erased.")
    until = pause_ends_at(day, person.zone)
    if not now < until <= now + LONGEST:
        fault = Fault("/until", "A pause ends on a later day, a year from now at most.")
        raise InvalidInput(fault.what, where="until", faults=[fault])
    if not tx.audience.pause(subscriber_id, until, now):
        raise InvalidInput("Who has stopped everything has nothing to pause.", where="until")
    tx.consents.add([ConsentRecord(person.id, ConsentAct.PAUSED, now, source, agreed(person), network=network, by=by)])
    return until


def resume(
    tx: Transaction,
    subscriber_id: int,
    reach_back: timedelta,
    now: datetime,
    *,
    source: ConsentSource = ConsentSource.MAIL,
    network: str = "",
    by: str = SELF,
) -> bool:
    """End a pause; whether there was one. Raises NotFound."""
    tx.lock(AUDIENCE)
    person = tx.audience.one(subscriber_id)
    if person is None:
        raise NotFound("There is no such subscriber.", hint="They may have been erased.")
    if person.status is not Status.PAUSED:
        return False
    _go_on(tx, [person], reach_back, now, by, source, network)
    return True


def resume_due(tx: Transaction, reach_back: timedelta, now: datetime, limit: int = AT_ONCE) -> int:
    """End the pauses whose day has come; how many. With `limit` of them there may be more."""
    tx.lock(AUDIENCE)
    people = [tx.audience.one(id) for id in tx.audience.to_resume(now, limit)]
    _go_on(tx, [person for person in people if person is not None], reach_back, now, "time", ConsentSource.MAIL)
    return len(people)


def _go_on(
    tx: Transaction,
    people: Sequence[Subscriber],
    reach_back: timedelta,
    now: datetime,
    by: str,
    source: ConsentSource,
    network: str = "",
) -> None:
    before_reach = tx.planning.sequence_before(now - reach_back)
    for person in people:
        _forget_old(tx, person, before_reach)
        after = resumed(person, before_reach)
        tx.audience.set_stopped(after, now)
        open_ = {(r.digest, r.cadence) for r in after.rhythms if r.stopped_at is None}
        tx.audience.carry_over(
            [
                CarryOver(person.id, held.digest, cadence, item, "paused", language)
                for held in tx.audience.held_by_pause(person.id, now - reach_back, now)
                if (cadence := _nearest(held.digest, held.cadence, open_)) is not None
                for item, language in held.items
            ]
        )
        catch_up_at_once(tx, [after], now)
        told = (person.id, ConsentAct.RESUMED, now, source, agreed(after))
        tx.consents.add([ConsentRecord(*told, network=network, by=by)])


def _nearest(digest: str, cadence: Cadence, open_: set[tuple[str, Cadence]]) -> Cadence | None:
    """The cadence in which a digest comes now: the same as before the pause where there is one."""
    mine = [mine for of, mine in open_ if of == digest]
    return cadence if cadence in mine else min(mine, key=lambda one: one.rank, default=None)


def _forget_old(tx: Transaction, person: Subscriber, before_reach: int) -> None:
    """What waits for them since a change that they made in their pause, and is older than what is made up for."""
    for digest in {rhythm.digest for rhythm in person.rhythms}:
        waiting = tx.audience.carried([person.id], digest)
        items = tx.catalogue.items([row.item for row in waiting if row.reason == "changed"])
        old = {id for id, item in items.items() if all(r.sequence <= before_reach for r in item.releases)}
        if old:
            tx.audience.forget_carried([person.id], digest)
            tx.audience.carry_over([row for row in waiting if row.item not in old])
