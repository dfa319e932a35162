"""Second attempts at single recipients, and what time brings back.

A retry is claimed on its own row (state in doubt, one attempt and one hand-over more, a lease): two workers never try
the same one at once, and a worker that lost its lease writes nothing. `release_retries` is called by the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from tribune.domain.addresses import OTHER
from tribune.domain.mailings import WINDOW, DeliveryState, Mailing
from tribune.domain.sending import MAX_HANDOVERS, InDoubt, RetryClaim, Verdict, judge, policy_of
from tribune.domain.throttling import Permit
from tribune.ports.store import Transaction
from tribune.services.sending.hand_over import HandedOver, deadline, hand_over, tell_of_failures
from tribune.services.sending.mailing_events import chunk_ready, mailing_changed
from tribune.services.sending.make_mails import Batch, Sender, load_batch
from tribune.services.sending.patience import renewing, settle_patiently

log = structlog.get_logger()


def send_retries(sender: Sender, mailing_id: int, chunk: int) -> int:
    """Try again what is due in this chunk; how many were claimed. Raises what the channel fell over, after the ledger
    has been told: patiently, for nobody else knows it."""
    tried = 0
    while True:
        until = deadline(sender)
        with sender.store.write() as tx:
            now = tx.now()
            claims = tx.ledger.claim_retries(mailing_id, chunk, now, sender.lease, WINDOW)
            mailing = tx.ledger.mailing(mailing_id) if claims else None
            if mailing is None:
                return tried
            allowed = _permit(tx, sender, claims, now)
            claims = _within(tx, mailing, chunk, claims, allowed, now)
            batch = load_batch(
                tx, sender, mailing, chunk, [claim.slot for claim in claims if not _enough(sender, mailing, claim)]
            )
        tried += len(claims)
        if not claims:
            continue  # until all that are due wait for the same instant
        with renewing(sender.lease, partial(_renewals, sender, mailing_id, chunk, claims)):
            pace = allowed.after.total_seconds(), allowed.apart.total_seconds()
            done = hand_over(sender, batch, claims[0].domain_group, until, *pace)
        done.began = now
        settle = partial(_settle, sender, mailing, chunk, claims, batch, done)
        settle_patiently(sender.store, settle, sender.stopping)
        if done.broken is not None:
            raise done.broken
        if done.rest is not None or done.untouched:
            return tried


def _renewals(sender: Sender, mailing: int, chunk: int, claims: list[RetryClaim]) -> list[Callable[[], None]]:
    def renew() -> None:
        with sender.store.write() as tx:
            tx.ledger.renew_retries(mailing, chunk, claims, tx.now(), sender.lease)

    return [renew]


def _permit(tx: Transaction, sender: Sender, claims: list[RetryClaim], now: datetime) -> Permit:
    """How many of them may leave now, and how quickly: none while their domain group is left alone."""
    return tx.throttles.take(sender.channel.name, claims[0].domain_group, len(claims), sender.rates, now)


def _within(
    tx: Transaction, mailing: Mailing, chunk: int, claims: list[RetryClaim], allowed: Permit, now: datetime
) -> list[RetryClaim]:
    """The claims for which there is room; the others go back as they were, until there is."""
    again = now + allowed.after + allowed.number * allowed.apart
    for claim in claims[allowed.number :]:
        back = Verdict(claim.slot.place, DeliveryState.RETRY, "", claim.attempts - 1, claim.handovers - 1, again)
        tx.ledger.settle_retry(mailing.id, chunk, claim, back, now)
    return claims[: allowed.number]


def release_retries(tx: Transaction, now: datetime) -> int:
    """Give out events for chunks that rested enough, whose sender died, or that have retries due; how many."""
    woken = tx.ledger.wake(now)
    for mailing_id, chunk in woken:
        mailing = tx.ledger.mailing(mailing_id)
        if mailing is not None:
            tx.outbox.add(chunk_ready(mailing, chunk, now, again=True))
    return len(woken)


def _enough(sender: Sender, mailing: Mailing, claim: RetryClaim) -> bool:
    """Whether this one was handed over often enough without an answer, by senders that died."""
    before = claim.handovers - 1
    return before >= MAX_HANDOVERS or (before > 0 and policy_of(mailing, sender.channel.in_doubt) is InDoubt.QUARANTINE)


def _settle(
    sender: Sender,
    mailing: Mailing,
    chunk: int,
    claims: list[RetryClaim],
    batch: Batch,
    done: HandedOver,
    tx: Transaction,
) -> None:
    now = tx.now()
    _rest(tx, sender, claims[0].domain_group, done, now)
    untouched = {slot.place for slot in done.untouched}
    told: dict[int, Verdict] = {}
    for claim in claims:
        verdict = _verdict(sender, mailing, claim, done, claim.slot.place in untouched, now)
        if not tx.ledger.settle_retry(mailing.id, chunk, claim, verdict, now):
            log.warning("retry was taken over", mailing=mailing.id, chunk=chunk, place=claim.slot.place)
        elif verdict is not None:
            told[verdict.place] = verdict
    tell_of_failures(tx, mailing, chunk, batch, told)
    if tx.ledger.finish(mailing.id, now):
        tx.outbox.add(mailing_changed(tx, mailing, "mailing.finished", now))


def _rest(tx: Transaction, sender: Sender, group: str, done: HandedOver, now: datetime) -> None:
    """A provider that slows us down is left alone for longer each time in a row, as for first attempts."""
    if group == OTHER:
        return
    if done.rest is not None and done.asked:
        tx.throttles.asked_for(sender.channel.name, group, done.rest, now)
    elif done.rest is not None:
        done.rest = tx.throttles.failed(sender.channel.name, group, now) - now
    elif done.rest is None and any(error is None for error in done.errors.values()):
        tx.throttles.went_well(sender.channel.name, group, done.began or now)


def _verdict(
    sender: Sender, mailing: Mailing, claim: RetryClaim, done: HandedOver, untouched: bool, now: datetime
) -> Verdict | None:
    place = claim.slot.place
    if _enough(sender, mailing, claim):
        before = claim.handovers - 1
        code = f"no answer after {before} attempts"
        return Verdict(place, DeliveryState.QUARANTINED, code, claim.attempts - 1, before)
    if untouched:
        again = now + (done.rest or timedelta())
        return Verdict(place, DeliveryState.RETRY, "", claim.attempts - 1, claim.handovers - 1, again)
    if place in done.verdicts:
        return replace(done.verdicts[place], attempts=claim.attempts, handovers=claim.handovers - 1)
    return judge(
        place,
        done.errors[place],
        policy=policy_of(mailing, sender.channel.in_doubt),
        now=now,
        attempts=claim.attempts,
        handovers=claim.handovers,
        rest=done.rest or timedelta(),
    )
