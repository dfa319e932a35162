"""Somebody who is subscribed takes what a form of theirs asks for: a further digest, or other choices than those of the
form that they confirmed first. The form was sent by anybody; the yes comes from their mailbox.

It waits for a running plan, as every change of a subscriber's does: the confirmation of who is new does not, and stands
by itself (confirm_sign_up).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tribune.domain.audience import Subscriber
from tribune.domain.codelists import Codelists
from tribune.domain.consent import ConsentAct, ConsentRecord, agreed
from tribune.domain.digests import Digest
from tribune.domain.sign_up import Standing, received, standing, taken
from tribune.ports.store import AUDIENCE, Transaction
from tribune.services.audience.change_preferences import change_preferences
from tribune.services.audience.confirm_sign_up import Confirmation, Confirmed, theirs


def take_sign_up(
    tx: Transaction,
    confirmation: Confirmation,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    reach_back: timedelta,
    now: datetime,
) -> Confirmed:
    """How the link stands now: DONE where they have what it asks for. What was stopped and is taken again begins anew,
    with what appears from now on. Any other link is left as it stands."""
    tx.lock(AUDIENCE)
    person = tx.audience.one(confirmation.subscriber)
    form = theirs(tx.sign_ups.those([confirmation.sign_up]).get(confirmation.sign_up), confirmation, digests)
    stands = standing(person, form)
    if person is None or form is None or stands is not Standing.CHANGES:
        return Confirmed(stands)
    wanted, horizon = form.wanted, tx.catalogue.last_sequence()
    begun = {s.digest for s in wanted.subscriptions} - received(person)

    def how(one: Subscriber) -> Subscriber:
        after = taken(one, wanted)
        marked = (replace(r, mark=horizon) if r.digest in begun else r for r in after.rhythms)
        return replace(after, rhythms=tuple(marked))

    for digest in begun:
        tx.audience.forget_carried([person.id], digest)
    asked = ConsentRecord(
        *(person.id, ConsentAct.SIGNED_UP, form.at, form.source, agreed(taken(person, wanted))),
        text_version=form.text_version,
        network=form.network,
    )
    tx.consents.add([asked])
    # Of what begins anew nothing of before is looked for.
    kept = {id: digest for id, digest in digests.items() if id not in begun}
    change_preferences(tx, person.id, how, kept, codelists, reach_back, now, network=confirmation.network)
    tx.sign_ups.drop([form.id])
    tx.segments.saw([person.id], now.astimezone(UTC).date())
    return Confirmed(Standing.DONE, True)
