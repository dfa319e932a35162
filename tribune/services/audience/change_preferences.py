"""A person changes what they receive, and how. Nothing is lost by it and nothing comes twice (change_subscribers)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from tribune.domain.audience import Cadence, Status, Subscriber
from tribune.domain.changes import same_day_there
from tribune.domain.codelists import Codelists
from tribune.domain.consent import SELF, ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.domain.matching import mark_after_pause
from tribune.ports.store import AUDIENCE, Transaction
from tribune.services.audience.change_subscribers import change_subscribers

How = Callable[[Subscriber], Subscriber]
"""What becomes of a person: one of the rules of tribune.domain.preferences, with what was chosen."""


def change_preferences(
    tx: Transaction,
    subscriber_id: int,
    how: How,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    reach_back: timedelta,
    now: datetime,
    *,
    source: ConsentSource = ConsentSource.MAIL,
    network: str = "",
    by: str = SELF,
) -> tuple[Subscriber, Subscriber]:
    """The person before and after; where both are the same, nothing was stored. What they chose holds from the next
    window of a running mailing on.

    Raises NotFound for who has been erased, and what `how` raises.
    """
    tx.lock(AUDIENCE)
    person = tx.audience.one(subscriber_id)
    if person is None:
        raise NotFound("There is no such subscriber.", hint="They may have been erased.")
    after = same_day_there(person, how(person))
    if after == person:
        return person, person
    if person.status is Status.PAUSED:
        # What the change carries over is no more than what is made up for after a pause.
        reach = tx.planning.sequence_before(now - reach_back)
        marks = {(r.digest, r.cadence): mark_after_pause(r.mark, reach) for r in person.rhythms}
        person = _marked(person, marks)
        after = _marked(after, marks)
        tx.audience.set_stopped(person, now)
    change_subscribers(tx, [(person, after)], digests, codelists, now)
    tx.consents.add([ConsentRecord(person.id, ConsentAct.CHANGED, now, source, agreed(after), network=network, by=by)])
    return person, after


def _marked(person: Subscriber, marks: Mapping[tuple[str, Cadence], int]) -> Subscriber:
    rhythms = tuple(replace(r, mark=marks.get((r.digest, r.cadence), r.mark)) for r in person.rhythms)
    return replace(person, rhythms=rhythms)
