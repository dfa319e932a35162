"""Settle what a file says of some people, in one unit of work: who is new is added set-based, who is as the file says
is left alone, and who is otherwise is changed as anybody's subscriptions are, so that no item is lost and none comes
twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tribune.domain.audience import Cadence, Rhythm, Status, Subscriber
from tribune.domain.changes import in_order, resumed, rhythms_in_order
from tribune.domain.codelists import Codelists
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, agreed
from tribune.domain.digests import Digest
from tribune.domain.imports import Basis, Import, Outcome, Refusal
from tribune.domain.schedule import Timing, cohort_weekday
from tribune.ports.newcomers import Kept, Newcomer
from tribune.ports.store import Transaction
from tribune.services.audience.change_subscribers import Changed, change_subscribers, ensure_cohorts
from tribune.services.audience.refresh_masks import Masker
from tribune.services.audience.subscriber_rows import Row
from tribune.services.audience.told_people import Newcoming, Told, Unit
from tribune.services.planning.wait_for_at_once import catch_up_at_once

Result = Refusal | tuple[int, Outcome]
"""A row, and what was done with it."""


@dataclass(slots=True)
class Slice:
    """What came of some of the file, of these `units`. `results` stand in the order of the file; `slow`: people who had
    to be looked at one by one."""

    units: Sequence[Unit] = ()
    done: Import = field(default_factory=Import)
    results: list[Result] = field(default_factory=list)
    slow: int = 0
    outcomes: dict[str, Outcome | Refusal] = field(default_factory=dict)
    gone: dict[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the settling of every slice needs. `before_reach`: the last sequence number that is not made up for after a
    pause; `by`: who imports, as a consent record says it."""

    digests: Mapping[str, Digest]
    codelists: Codelists
    newcoming: Newcoming
    basis: Basis
    by: str


def settle(
    tx: Transaction,
    units: Sequence[Unit],
    on: Grounds,
    mask: Masker | None,
    before_reach: int,
    now: datetime,
    most_slow: int,
) -> Slice:
    """Store what these people are to be; without a `mask`, only say what would come of it. The caller holds the lock
    AUDIENCE where it stores. Before more than `most_slow` people would be looked at one by one it stops: the units of
    the answer are settled, those after them are not."""
    found = Slice()
    keys = [unit.key for unit in units if not isinstance(unit, Refusal)]
    known, suppressed = tx.newcomers.known(keys), tx.newcomers.suppressed(keys)
    kept = tx.newcomers.kept(known.values()) if known else {}
    new: list[Newcomer] = []
    slow: dict[str, Row | Told] = {}
    outcomes = found.outcomes
    for place, unit in enumerate(units):
        if isinstance(unit, Refusal):
            continue
        if suppressed and (why := suppressed.get(unit.key)) is not None:
            reason = f"This address is never mailed: {why}."
            outcomes[unit.key] = Refusal(0, "address", unit.address, reason, "", Outcome.SUPPRESSED)
        elif (id := known.get(unit.key)) is not None:
            if _as_it_was(kept[id], unit):
                outcomes[unit.key] = Outcome.UNCHANGED
            elif len(slow) < most_slow:
                slow[unit.key] = unit
            else:
                units = units[:place]
                break
        else:
            new.append(on.newcoming(unit))
    if new and mask is not None:
        tx.newcomers.add(new, mask, tx.catalogue.last_sequence(), now, on.by, on.basis.text)
        _ensure_cohorts(tx, new, now)
    found.done.added = len(new)
    if slow:
        _settle_one_by_one(tx, slow, on, mask, before_reach, now, found)
    found.units, found.slow = units, len(slow)
    for each in units:
        _count(found, each)
    return found


def _as_it_was(kept: Kept, unit: Row | Told) -> bool:
    """Whether somebody is surely as the file says, down to the letter."""
    facts = unit.facts
    if not (
        kept.address == unit.address
        and (kept.name == unit.name or not unit.name)
        and (facts.zone is None or kept.zone == facts.zone)
        and (facts.languages is None or kept.languages == ",".join(facts.languages))
        and (facts.group is None or kept.group == facts.group)
        and (facts.fallback is None or kept.fallback == facts.fallback)
        and kept.status == "active"
    ):
        return False
    if isinstance(unit, Row):
        wish = unit.wish
        if wish.silent:
            return all(not stopped for *_, stopped in kept.rhythms)
        return (
            wish.status in (None, Status.ACTIVE)
            and [w for w in kept.wishes if w[0] == wish.digest] == [(wish.digest, wish.cadence, wish.choice)]
            and [r for r in kept.rhythms if r[0] == wish.digest]
            == [(wish.digest, wish.cadence, wish.weekday, wish.hour, False)]
        )
    named = {digest for digest, _ in unit.rhythms}
    wishes = [wish for wish, _ in unit.rhythms.values()]
    return (
        not unit.partial
        and all(wish.status in (None, Status.ACTIVE) for wish in wishes)
        and {w for w in kept.wishes if w[0] in named} == {(s.digest, s.cadence, s.choice) for s in unit.wishes}
        and {r for r in kept.rhythms if r[0] in named}
        == {(w.digest, w.cadence, w.weekday, w.hour, False) for w in wishes}
    )


def _count(found: Slice, unit: Unit) -> None:
    done = found.done
    if isinstance(unit, Refusal):
        done.rows += 1
        done.outcomes[Outcome.REFUSED] += 1
        found.results.append(unit)
        return
    outcome = found.outcomes.get(unit.key, Outcome.NEW)
    if outcome is Outcome.UNCHANGED:
        done.unchanged += 1
    gone = found.gone.get(unit.key, ()) if found.gone else ()
    if isinstance(unit, Row) and not isinstance(outcome, Refusal) and not gone:
        done.rows += 1
        done.outcomes[outcome] += 1
        found.results.append((unit.number, outcome))
        return
    rows = {unit.number: unit.wish.digest} if isinstance(unit, Row) else unit.rows
    again = () if isinstance(unit, Row) else unit.again
    done.rows += len(rows) + len(again)
    done.outcomes[Outcome.DUPLICATE] += len(again)
    for row, digest in rows.items():
        what: Refusal | Outcome = outcome
        if isinstance(outcome, Refusal):
            what = replace(outcome, row=row)
        elif digest in gone:
            reason = f"They have unsubscribed from {digest}."
            hint = "If they have asked for it, subscribe them again on their page."
            what = Refusal(row, "address", unit.address, reason, hint, Outcome.SUPPRESSED)
        done.outcomes[what.outcome if isinstance(what, Refusal) else what] += 1
        found.results.append(what if isinstance(what, Refusal) else (row, what))
    found.results.extend((row, Outcome.DUPLICATE) for row in again)


def _ensure_cohorts(tx: Transaction, new: Sequence[Newcomer], now: datetime) -> None:
    rhythms = {
        (r.digest, r.cadence, r.weekday, r.hour, zone)
        for wants, zone in {(person.wants, person.nature.zone) for person in new}
        for r in wants.rhythms
        if r.cadence is not Cadence.AT_ONCE
    }
    timings: dict[str, set[Timing]] = {}
    for digest, cadence, weekday, hour, zone in rhythms:
        timings.setdefault(digest, set()).add(Timing(cadence, cohort_weekday(cadence, weekday), hour, zone))
    for digest, wanted in timings.items():
        tx.schedules.ensure_cohorts(digest, wanted, now)


# -- one by one


def _settle_one_by_one(
    tx: Transaction,
    units: Mapping[str, Row | Told],
    on: Grounds,
    mask: Masker | None,
    before_reach: int,
    now: datetime,
    found: Slice,
) -> None:
    """People who are there, or have left another system. Somebody whose sign-up waits for its confirmation is taken in
    as if they were new: a stranger's form must not keep them out."""
    known = tx.audience.by_keys(units)
    horizon = tx.catalogue.last_sequence()
    added: list[Subscriber] = []
    woken: list[Subscriber] = []
    changed: list[Changed] = []
    taken_in: list[Changed] = []
    for key, unit in units.items():
        told = Told.of(unit) if isinstance(unit, Row) else unit
        old = known.get(key)
        gone = _gone(old, told) if old is not None else {}
        if gone:
            found.gone[key] = gone
        wakes = old is not None and _wakes(old, told, gone)
        if old is not None and wakes:
            old = resumed(old, before_reach)
            woken.append(old)
        waits = old is not None and old.status is Status.PENDING
        # Nothing of what a form said stands: whoever filled it in, nobody has confirmed it.
        new = _as_told(None if waits else old, told, gone, horizon, now)
        if old is None:
            added.append(new)
            found.outcomes[key] = Outcome.NEW
        elif waits:
            taken_in.append((old, replace(new, id=old.id)))
            found.outcomes[key] = Outcome.NEW
        elif new == old and not wakes:
            found.outcomes[key] = Outcome.UNCHANGED
        else:
            changed.append((old, new))
            found.outcomes[key] = Outcome.CHANGED
    found.done.added += len(added) + len(taken_in)
    found.done.changed += len(changed)
    if mask is None:
        return
    ids = tx.audience.add(added, mask, now)
    ensure_cohorts(tx, added, now)
    for person in woken:  # first: a change of choice then carries over no more than what is made up for
        tx.audience.set_stopped(person, now)
    changed += taken_in
    if changed:
        change_subscribers(tx, changed, on.digests, on.codelists, now)
    # Who is taken in as having left can still confirm what waits: their mailbox says then that they want it.
    tx.sign_ups.settle([new.id for _, new in taken_in if new.status is not Status.UNSUBSCRIBED], now)
    catch_up_at_once(tx, woken, now)
    whose = [*zip(ids, added, strict=True), *((new.id, new) for _, new in changed)]
    tx.consents.add([_record(id, person, on, now) for id, person in whose])


def _record(id: int, person: Subscriber, on: Grounds, now: datetime) -> ConsentRecord:
    return ConsentRecord(
        id, ConsentAct.IMPORTED, now, ConsentSource.IMPORT, agreed(person), by=on.by, basis=on.basis.text
    )


def _wakes(old: Subscriber, told: Told, gone: Mapping[str, int]) -> bool:
    """Whether the file ends this person's pause. An empty cell leaves it, and so does a row that was refused."""
    said = {wish.status for wish, _ in told.rhythms.values() if wish.digest not in gone and not wish.silent}
    if old.paused_until is not None:
        return False  # they said themselves until when
    return old.status is Status.PAUSED and not told.partial and Status.ACTIVE in said and Status.PAUSED not in said


def _gone(old: Subscriber, told: Told) -> dict[str, int]:
    """Digests that the person has unsubscribed from and the file would bring back -> the row that says so; of a file
    that says nothing of digests, only where they have left altogether."""
    stopped = {r.digest for r in old.rhythms if r.stopped_at is not None}
    return {
        digest: row
        for (digest, _), (wish, row) in reversed(told.rhythms.items())
        if (wish.silent or wish.status is not Status.UNSUBSCRIBED)
        and (old.status is Status.UNSUBSCRIBED or (digest in stopped and not wish.silent))
    }


def _as_told(old: Subscriber | None, told: Told, gone: Mapping[str, int], horizon: int, now: datetime) -> Subscriber:
    """The person as the file wants them. Cells that are empty leave what is there; marks begin at `horizon`."""
    named = {digest for digest, _ in told.rhythms} - gone.keys()
    if old is not None and not named:
        return old
    if old is not None and all(wish.silent for wish, _ in told.rhythms.values()):
        return _with_facts(old, told)
    before = {(r.digest, r.cadence): r for r in old.rhythms} if old is not None else {}
    wishes = {wish: None for wish in told.wishes if wish.digest in named}
    rhythms = {key: r for key, r in before.items() if key[0] not in named or told.partial}
    for key, (wish, _) in told.rhythms.items():
        if wish.digest in named:
            was = before.get(key)
            stop = ((was and was.stopped_at) or now) if wish.status is Status.UNSUBSCRIBED else None
            mark, last_date = (was.mark, was.last_date) if was is not None else (horizon, None)
            rhythms[key] = Rhythm(wish.digest, wish.cadence, wish.weekday, wish.hour, mark, last_date, stop)
    for had in old.subscriptions if old is not None else ():
        if had.digest not in named or told.partial:
            wishes[had] = None
    status = old.status if old is not None else Status.ACTIVE
    if all(r.stopped_at is not None for r in rhythms.values()):
        status = Status.UNSUBSCRIBED
    elif status is Status.ACTIVE and any(wish.status is Status.PAUSED for wish, _ in told.rhythms.values()):
        status = Status.PAUSED
    facts = told.facts
    known = old if old is not None else facts.nature
    assert known is not None  # noqa: S101 - a row without is refused
    return Subscriber(
        id=old.id if old is not None else 0,
        address=told.address,
        name=told.name or (old.name if old is not None else ""),
        group=facts.group or known.group,
        languages=facts.languages or known.languages,
        zone=facts.zone or known.zone,
        fallback=facts.fallback or known.fallback,
        status=status,
        subscriptions=in_order(wishes),
        rhythms=rhythms_in_order(rhythms.values()),
        paused_until=old.paused_until if old is not None else None,
    )


def _with_facts(old: Subscriber, told: Told) -> Subscriber:
    """The person with what the file says of who they are; what they want stands."""
    facts = told.facts
    return replace(
        old,
        address=told.address,
        name=told.name or old.name,
        group=facts.group or old.group,
        languages=facts.languages or old.languages,
        zone=facts.zone or old.zone,
        fallback=facts.fallback or old.fallback,
    )
