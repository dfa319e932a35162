"""Handing a batch over to the channel: mail by mail, with a look at the lease before each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tribune.domain.errors import DeliveryError, Throttled, UnknownOutcome
from tribune.domain.mailings import DeliveryState, Mailing
from tribune.domain.sending import THROTTLE_DELAY, Slot, Verdict, suppresses
from tribune.ports.channels import OutgoingMail
from tribune.ports.store import Transaction
from tribune.services.sending.mailing_events import delivery_failed
from tribune.services.sending.make_mails import Batch, Sender

_ADDRESS = re.compile(r"[^\s<>()\"']+@[^\s<>()\"']+")


@dataclass
class HandedOver:
    """What became of a batch: `untouched` are the deliveries that the channel was not given (or was too busy for),
    `rest` how long the channel wants to be left alone, `broken` what it fell over."""

    errors: dict[int, DeliveryError | None] = field(default_factory=dict)  # by place; None: sent
    verdicts: dict[int, Verdict] = field(default_factory=dict)  # by place: no mail was made
    untouched: list[Slot] = field(default_factory=list)
    rest: timedelta | None = None
    broken: Exception | None = None


def deadline(sender: Sender) -> float:
    """When to stop handing over and check in. To be read *before* the transaction that renews the lease: a process
    that is stopped (SIGSTOP) between the two must see by itself that it is late."""
    return sender.clock.monotonic() + sender.lease.total_seconds() / 2


def hand_over(sender: Sender, batch: Batch, until: float) -> HandedOver:
    """Give the mails of a batch to the channel until the end, the deadline (monotonic, local), a throttle or a stop."""
    done = HandedOver()
    given: dict[str, tuple[Slot, str]] = {}
    waiting = list(reversed(batch.slots))

    def mails() -> Iterator[OutgoingMail]:
        while waiting and done.rest is None:
            if sender.clock.monotonic() >= until or sender.stopping():
                return
            slot = waiting.pop()
            made = batch.make(slot)
            if isinstance(made, Verdict):
                done.verdicts[slot.place] = made
                continue
            given[made.delivery] = slot, made.recipient
            yield made

    try:
        for outcome in sender.channel.send(mails()):
            slot, recipient = given.pop(outcome.delivery)
            done.errors[slot.place] = _clean(outcome.error, recipient)
            if isinstance(outcome.error, Throttled):
                done.rest = max(done.rest or timedelta(), outcome.wait or THROTTLE_DELAY)
            sender.metrics.count("mails_handed_over", channel=sender.channel.name, outcome=_word(outcome.error))
    except Exception as error:
        done.broken = error
    for slot, _ in given.values():
        code = f"no answer: {type(done.broken).__name__}" if done.broken else "no answer"
        done.errors[slot.place] = UnknownOutcome("the channel broke off", code=code)
    done.untouched = list(reversed(waiting))
    return done


def tell_of_failures(
    tx: Transaction, mailing: Mailing, chunk: int, batch: Batch, verdicts: dict[int, Verdict], now: datetime
) -> None:
    """Events for deliveries that failed for good; an address that is no good is never mailed again."""
    people = {slot.place: slot.subscriber for slot in batch.slots}
    for verdict in verdicts.values():
        if verdict.state is not DeliveryState.FAILED:
            continue
        subscriber = people[verdict.place]
        tx.outbox.add(delivery_failed(mailing, chunk, subscriber, verdict, now))
        if suppresses(verdict.code) and subscriber in batch.people:
            tx.audience.suppress(batch.people[subscriber].address, "hard_bounce", now)


def _word(error: DeliveryError | None) -> str:
    return type(error).__name__.lower() if error else "sent"


def _clean(error: DeliveryError | None, recipient: str) -> DeliveryError | None:
    """The error with addresses cut out of the server's words: the ledger keeps no personal data."""
    if error is not None:
        error.code = _ADDRESS.sub("<...>", (error.code or error.what).replace(recipient, "<...>"))
    return error
