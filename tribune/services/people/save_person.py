"""Staff, or a program of theirs, add a person or change one: facts and subscriptions, each checked with its place.

Who has unsubscribed stays unsubscribed, and who is never mailed stays so: no change brings them back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from tribune.domain.audience import Cadence, Choice, Fallback, Status, Subscriber, Subscription
from tribune.domain.changes import in_order
from tribune.domain.codelists import Codelists
from tribune.domain.consent import ConsentAct, ConsentRecord, agreed
from tribune.domain.digests import Digest
from tribune.domain.errors import Conflict, Fault, InvalidInput
from tribune.domain.imports import Basis
from tribune.domain.preferences import MOST_WISHES, Wishes, wishes_of, with_wishes
from tribune.domain.schedule import cohort_weekday
from tribune.ports.store import AUDIENCE, Transaction
from tribune.services.audience.change_preferences import change_preferences
from tribune.services.audience.change_subscribers import ensure_cohorts
from tribune.services.audience.refresh_masks import masker
from tribune.services.audience.subscriber_cells import (
    RefusedCell,
    code,
    place,
    read_address,
    read_languages,
    read_name,
    read_zone,
)
from tribune.services.people.by import By

T = TypeVar("T")
Timing = tuple[int, int]

_FIELDS = ("name", "group", "languages", "zone", "fallback", "subscriptions", "rhythms")


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a person; None: nothing, so that it stays (of somebody new: the default). `rhythms` are
    (digest, cadence) -> weekday and hour, of those that are told."""

    name: str | None = None
    group: str | None = None
    languages: Sequence[str] | None = None
    zone: str | None = None
    fallback: Fallback | None = None
    subscriptions: Sequence[Subscription] | None = None
    rhythms: Mapping[tuple[str, Cadence], Timing] = field(default_factory=dict)


def add_person(
    tx: Transaction,
    address: str,
    told: Told,
    basis: Basis,
    by: By,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    now: datetime,
) -> Subscriber:
    """A new subscriber, with the ground on which they are written to. Somebody whose sign-up waits for its
    confirmation is taken in as if they were new: a stranger's form must not keep them out. Raises InvalidInput with
    every fault, and Conflict where the address is somebody's already or is never mailed."""
    tx.lock(AUDIENCE)
    faults: list[Fault] = []
    address = _try(faults, "/address", lambda: read_address(address)) or ""
    told = _checked(told, digests, codelists, faults)
    for name in ("languages", "zone", "subscriptions"):
        if not getattr(told, name) and not any(fault.pointer.startswith(f"/{name}") for fault in faults):
            faults.append(Fault(f"/{name}", "This is needed."))
    _each_comes(told, told.subscriptions or (), faults)
    _refuse(faults)
    tx.sign_ups.take_turn()  # a form may be adding the same address at this moment
    waiting = tx.audience.by_address(address)
    if waiting is not None and waiting.status is not Status.PENDING:
        raise Conflict(
            "This address is a subscriber's already.", where="known", hint="Find the person, and change them."
        )
    if tx.audience.suppressed([address]):
        raise Conflict(
            "This address is on the suppression list.", where="suppressed", hint="Only the person can come back."
        )
    # Nothing of what a form said stands: whoever filled it in, nobody has confirmed it.
    person = _with(Subscriber(waiting.id if waiting else 0, address, "", "other", (), ""), told)
    horizon = tx.catalogue.last_sequence()
    person = replace(person, rhythms=tuple(replace(rhythm, mark=horizon) for rhythm in person.rhythms))
    if waiting is not None:
        tx.audience.update([person], masker(tx, codelists), now)
        tx.sign_ups.settle([person.id], now)
    else:
        (id,) = tx.audience.add([person], masker(tx, codelists), now)
        person = replace(person, id=id)
    ensure_cohorts(tx, [person], now)
    record = ConsentRecord(person.id, ConsentAct.IMPORTED, now, by.source, agreed(person), by=by.who, basis=basis.text)
    tx.consents.add([record])
    tx.audit.add(by.actor, "person.added", f"subscriber/{person.id}", {"basis": basis.kind.value}, now)
    return person


def change_person(
    tx: Transaction,
    subscriber_id: int,
    told: Told,
    seen: Callable[[Subscriber], None],
    by: By,
    digests: Mapping[str, Digest],
    codelists: Codelists,
    reach_back: timedelta,
    now: datetime,
) -> tuple[Subscriber, Subscriber]:
    """The person before and after. `seen` is called with the person as they are, under the lock, and raises where that
    is not what the caller has read. Raises NotFound, InvalidInput with every fault, and Conflict for subscriptions of
    somebody who has not confirmed yet, or has unsubscribed."""

    def how(person: Subscriber) -> Subscriber:
        seen(person)
        faults: list[Fault] = []
        checked = _checked(told, digests, codelists, faults)
        wanted = person.subscriptions if checked.subscriptions is None else checked.subscriptions
        _each_comes(checked, wanted, faults)
        _refuse(faults)
        after = _with(person, checked)
        _stays_stopped(person, after)
        return after

    before, after = change_preferences(
        tx, subscriber_id, how, digests, codelists, reach_back, now, source=by.source, by=by.who
    )
    if before != after:
        fields = " ".join(name for name in _FIELDS if getattr(before, name) != getattr(after, name))
        tx.audit.add(by.actor, "person.changed", f"subscriber/{subscriber_id}", {"fields": fields}, now)
    return before, after


def _stays_stopped(before: Subscriber, after: Subscriber) -> None:
    """Raises Conflict."""
    if before.subscriptions == after.subscriptions and before.rhythms == after.rhythms:
        return
    if before.status is Status.PENDING:
        raise Conflict("This person has not confirmed yet, and chose for themselves.", where="pending")
    stopped = {rhythm.digest for rhythm in before.rhythms if rhythm.stopped_at is not None}
    changed = {
        digest
        for digest in {one.digest for one in (*before.rhythms, *after.rhythms)}
        if wishes_of(before, digest) != wishes_of(after, digest)
    }
    if before.status is Status.UNSUBSCRIBED or stopped & changed:
        raise Conflict(
            "This person has unsubscribed.",
            where="stopped",
            hint="If they asked for it, subscribe them again first.",
        )


def _with(person: Subscriber, told: Told) -> Subscriber:
    """The person with what is told (checked) of them."""
    facts = {name: getattr(told, name) for name in ("name", "group", "zone", "fallback")}
    after = replace(person, **{name: value for name, value in facts.items() if value is not None})
    if told.languages is not None:
        after = replace(after, languages=tuple(told.languages))
    wanted = after.subscriptions if told.subscriptions is None else told.subscriptions
    for digest in {one.digest for one in (*after.subscriptions, *wanted)}:
        mine = [one for one in wanted if one.digest == digest]
        if not mine:
            after = replace(
                after,
                subscriptions=tuple(one for one in after.subscriptions if one.digest != digest),
                rhythms=tuple(one for one in after.rhythms if one.digest != digest),
            )
            continue
        timings = {(r.cadence): (r.weekday, r.hour) for r in after.rhythms if r.digest == digest}
        timings |= {cadence: timing for (of, cadence), timing in told.rhythms.items() if of == digest}
        timed = tuple((cadence, *timing) for cadence, timing in timings.items())
        after = with_wishes(after, digest, Wishes(in_order(mine), timed))
    return after


def _checked(told: Told, digests: Mapping[str, Digest], codelists: Codelists, faults: list[Fault]) -> Told:
    """With codes, languages and zone in their normal form; what is wrong goes to `faults`."""
    lists = codelists
    wishes = None
    if told.subscriptions is not None:
        wishes = [
            _wish(f"/subscriptions/{number}", one, digests, lists, faults)
            for number, one in enumerate(told.subscriptions)
        ]
        if not wishes:
            faults.append(Fault("/subscriptions", "Nothing is chosen.", "To stop everything is to unsubscribe."))
        for digest in digests:
            if sum(one.digest == digest for one in wishes) > MOST_WISHES:
                faults.append(Fault("/subscriptions", f"There are more than {MOST_WISHES} of {digest}."))
    rhythms = {}
    for number, ((digest, cadence), (weekday, hour)) in enumerate(told.rhythms.items()):
        _digest(f"/rhythms/{number}/digest", digest, digests, faults)
        at_once = cadence is Cadence.AT_ONCE
        rhythms[digest, cadence] = (cohort_weekday(cadence, weekday), 0 if at_once else hour)
    return Told(
        name=_read(faults, "/name", told.name, read_name),
        group=_read(faults, "/group", told.group, lambda word: code("group", word, lists.groups)),
        languages=_read(faults, "/languages", told.languages, lambda words: read_languages("|".join(words))),
        zone=_read(faults, "/zone", told.zone, read_zone),
        fallback=told.fallback,
        subscriptions=wishes,
        rhythms=rhythms,
    )


def _each_comes(told: Told, wanted: Sequence[Subscription], faults: list[Fault]) -> None:
    """A rhythm in which nothing comes would be forgotten without a word."""
    come = {(one.digest, one.cadence) for one in wanted}
    for number, (digest, cadence) in enumerate(told.rhythms):
        if (digest, cadence) not in come:
            faults.append(Fault(f"/rhythms/{number}", f"No subscription to {digest[:60]} is {cadence.value}."))


def _wish(
    at: str, told: Subscription, digests: Mapping[str, Digest], lists: Codelists, faults: list[Fault]
) -> Subscription:
    digest = _digest(f"{at}/digest", told.digest, digests, faults)
    if digest is not None and told.cadence not in digest.cadences:
        offered = ", ".join(cadence.value for cadence in digest.cadences)
        faults.append(Fault(f"{at}/cadence", f"{told.digest} does not come {told.cadence.value}.", f"Use: {offered}."))

    def codes(name: str, words: frozenset[str], read: Callable[[str], str]) -> frozenset[str]:
        found = [_try(faults, f"{at}/{name}", lambda word=word: read(word)) for word in sorted(words)]  # type: ignore[misc]
        return frozenset(one for one in found if one is not None)

    return Subscription(
        told.digest,
        told.cadence,
        Choice(
            codes("policy_areas", told.choice.policy_areas, lambda w: code("policy_areas", w, lists.policy_areas)),
            codes("places", told.choice.places, lambda w: place(w, lists.places)),
            codes("kinds", told.choice.kinds, lambda w: code("kinds", w, lists.kinds)),
        ),
    )


def _digest(at: str, id: str, digests: Mapping[str, Digest], faults: list[Fault]) -> Digest | None:
    if id not in digests:
        faults.append(Fault(at, f"There is no digest {id[:60]!r}.", f"Use one of: {', '.join(digests)}."))
    return digests.get(id)


def _read(faults: list[Fault], at: str, told: T | None, read: Callable[[T], T | tuple[str, ...]]) -> T | None:
    return None if told is None else _try(faults, at, lambda: read(told))  # type: ignore[return-value]


def _try(faults: list[Fault], at: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except RefusedCell as error:
        faults.append(Fault(at, error.reason, error.hint))
        return None


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        raise InvalidInput(faults[0].what, where=faults[0].pointer, hint=faults[0].hint, faults=faults)
