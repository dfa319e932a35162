"""Somebody confirms from their mailbox what was asked for on the form: from now on they are subscribed.

Doing it twice is doing it once. What else waits in their name changes nothing by its button any more, which is how a
stranger's form would come into force: its page says what they have, and asks (take_sign_up).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tribune.domain.audience import Subscriber
from tribune.domain.codelists import Codelists
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.digests import Digest
from tribune.domain.sign_up import LIFTED, SignUp, Standing, confirmed, offered, standing
from tribune.ports.store import PEOPLE, Transaction
from tribune.services.audience.change_subscribers import ensure_cohorts
from tribune.services.audience.refresh_masks import masker


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A link that was followed, and its button pressed. `name` as they want to be called ("": not told); `network`
    shortened."""

    subscriber: int
    sign_up: int
    name: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How a link stands now. `now`: it is this time that it was confirmed."""

    stands: Standing
    now: bool = False


def confirm_sign_up(
    tx: Transaction,
    confirmation: Confirmation,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    now: datetime,
) -> Standing:
    """One link; how it stands now: DONE where they are subscribed, by this or before."""
    return confirm_together(tx, [confirmation], digests, codelists, now)[0].stands


def confirm_together(
    tx: Transaction,
    asked: Sequence[Confirmation],
    digests: Mapping[str, Digest],
    codelists: Codelists,
    now: datetime,
) -> list[Confirmed]:
    """Several at once, in a few statements.

    A running plan is not waited for: it has found its people, and whoever comes in is not among them.
    """
    tx.lock(PEOPLE)
    waiting = tx.sign_ups.those([one.sign_up for one in asked])
    people = tx.audience.several([one.subscriber for one in asked])
    horizon = tx.catalogue.last_sequence()
    changed: dict[int, Subscriber] = {}
    settled: list[int] = []
    told: list[Confirmed] = []
    records: list[ConsentRecord] = []
    for one in asked:
        person, sign_up = people.get(one.subscriber), theirs(waiting.get(one.sign_up), one, digests)
        stands = standing(changed.get(one.subscriber) or person, sign_up)
        fresh = person is not None and sign_up is not None and stands is Standing.WAITS
        if person is not None and sign_up is not None and fresh:
            after = changed[person.id] = confirmed(person, sign_up.wanted, one.name, horizon)
            records += _records(sign_up, after, one, now)
            settled.append(sign_up.id)
            stands = Standing.DONE
        told.append(Confirmed(stands, fresh))
    if changed:
        new = list(changed.values())
        tx.audience.update(new, masker(tx, codelists), now)
        tx.sign_ups.settle(list(changed), now, settled)
        tx.audience.lift([person.address for person in new], LIFTED)
        ensure_cohorts(tx, new, now)
        tx.segments.saw(list(changed), now.astimezone(UTC).date())
        tx.consents.add(records)
    return told


def look_at_sign_up(
    tx: Transaction, subscriber: int, number: int, digests: Mapping[str, Digest]
) -> tuple[Standing, SignUp | None]:
    """How a link stands, and what it is about while it may still be taken."""
    person = tx.audience.one(subscriber)
    found = theirs(tx.sign_ups.those([number]).get(number), Confirmation(subscriber, number), digests)
    stands = standing(person, found)
    return stands, found if stands in (Standing.WAITS, Standing.CHANGES) else None


def theirs(found: SignUp | None, asked: Confirmation, digests: Mapping[str, Digest]) -> SignUp | None:
    """A sign-up, where it is that of who follows the link, with what can still be had of it."""
    if found is None or found.subscriber != asked.subscriber:
        return None
    still = replace(found, wanted=offered(found.wanted, digests))
    return still if still.wanted.subscriptions else None


def _records(sign_up: SignUp, after: Subscriber, asked: Confirmation, now: datetime) -> list[ConsentRecord]:
    """What was shown and asked for on the form, at its time; and the yes from the mailbox."""
    what = agreed(after)
    words = sign_up.text_version
    form, link = sign_up.source, ConsentSource.MAIL
    return [
        ConsentRecord(after.id, ConsentAct.SIGNED_UP, sign_up.at, form, what, words, sign_up.network),
        ConsentRecord(after.id, ConsentAct.CONFIRMED, now, link, what, words, asked.network),
    ]
