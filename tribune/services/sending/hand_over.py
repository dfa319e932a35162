"""Handing a window of mails over to the channel: mail by mail, with a look at the lease before each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tribune.domain.addresses import OTHER, without_addresses
from tribune.domain.errors import DeliveryError, Retryable, Throttled, UnknownOutcome
from tribune.domain.mailings import DeliveryState, Mailing
from tribune.domain.sending import THROTTLE_DELAY, Slot, Verdict, suppresses
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.store import Transaction
from tribune.services.sending.mailing_events import delivery_failed
from tribune.services.sending.make_mails import Batch, Sender

TOGETHER = 25
"""How many mails are made in one go."""

OUR_RELAY = 10
"""So many domains of one window that say "too many" do not do so by chance: the server between us and them does."""

WORDS_KEPT = 180
"""Characters that are kept of a server's answer."""


@dataclass
class HandedOver:
    """What became of a window: `untouched` are the deliveries that the channel was not given (or was too busy for),
    `rest` how long the channel wants to be left alone (`asked`: by its own words), `broken` what it fell over. `began`:
    when it was opened."""

    errors: dict[int, DeliveryError | None] = field(default_factory=dict)  # by place; None: sent
    verdicts: dict[int, Verdict] = field(default_factory=dict)  # by place: no mail was made
    untouched: list[Slot] = field(default_factory=list)
    rest: timedelta | None = None
    asked: bool = False
    broken: Exception | None = None
    began: datetime | None = None


def deadline(sender: Sender) -> float:
    """When to stop handing over and check in. To be read *before* the transaction that renews the lease: a process
    that is stopped (SIGSTOP) between the two must see by itself that it is late."""
    return sender.clock.monotonic() + sender.lease.total_seconds() / 2


class Window:
    """A batch on its way, to a domain group. `until` is its deadline; `after` and `apart` (seconds) pace it where a
    rate is set."""

    def __init__(
        self, sender: Sender, batch: Batch, group: str, until: float, after: float = 0.0, apart: float = 0.0
    ) -> None:
        self.batch = batch
        self._group = group
        self.done = HandedOver()
        self._sender = sender
        self._until = until
        self._apart = apart
        self._now, self._stopping = sender.clock.monotonic, sender.stopping
        self._next_at = sender.clock.monotonic() + after if after or apart else 0.0
        self._waiting = list(reversed(batch.slots))
        self._made: list[tuple[Slot, OutgoingMail | Verdict]] = []
        self._given: dict[str, tuple[Slot, str]] = {}
        self._slowed: set[str] = set()
        self._closed = False

    def take(self) -> OutgoingMail | None:
        """The next mail to hand over. None: there is none (any more, or at this moment)."""
        while (self._made or self._waiting) and not self._closed:
            now = self._now()
            if now >= self._until or self.done.rest is not None or self._stopping():
                self._closed = True
                return None
            if now < self._next_at:
                return None
            if not self._made:
                self._make_some()
            slot, made = self._made.pop()
            if isinstance(made, Verdict):
                self.done.verdicts[slot.place] = made
                continue
            if self._apart:
                self._next_at = max(self._next_at + self._apart, now - self._apart)
            self._given[made.delivery] = slot, made.recipient
            return made
        return None

    def _make_some(self) -> None:
        """Make the next mails in one go: by itself, between two looks at the network, one costs twice as much. Where
        making them breaks, they still wait."""
        make = self.batch.make
        self._made = [(slot, make(slot)) for slot in self._waiting[-TOGETHER:]]
        del self._waiting[-TOGETHER:]

    def record(self, outcome: Outcome) -> None:
        """What the channel says of a mail of this window."""
        slot, recipient = self._given.pop(outcome.delivery)
        error = outcome.error
        if isinstance(error, Throttled) and not error.for_all and self._group == OTHER:
            # The group is thousands of domains that know nothing of each other: nobody waits for somebody else's.
            self._slowed.add(recipient.rpartition("@")[2].lower())
            if len(self._slowed) < OUR_RELAY:
                error = Retryable(error.what, code=error.code)
        self.done.errors[slot.place] = None if error is None else cleaned(error, recipient)
        if isinstance(error, Throttled):
            self.done.asked = self.done.asked or outcome.wait is not None
            self.done.rest = max(self.done.rest or timedelta(), outcome.wait or THROTTLE_DELAY)

    @property
    def complete(self) -> bool:
        """Whether nothing of it is in the channel's hands, and nothing will be."""
        return not self._given and self.exhausted

    @property
    def exhausted(self) -> bool:
        """Whether it gives no mail any more."""
        return self._closed or not (self._waiting or self._made)

    @property
    def opens_at(self) -> float:
        """The monotonic instant before which it gives no mail."""
        return self._next_at

    def stop(self) -> None:
        """Hand over no more of it: its mailing was paused or cancelled. What the channel has in hand is finished."""
        self._closed = True

    def give_up(self, error: Exception | None) -> None:
        """The channel broke off: nobody knows what became of what it had in hand."""
        self.done.broken = error
        code = f"no answer: {type(error).__name__}" if error else "no answer"
        for slot, _ in self._given.values():
            self.done.errors[slot.place] = UnknownOutcome("the channel broke off", code=code)
        self._given.clear()
        self._closed = True

    def end(self) -> HandedOver:
        """What became of it, once it is complete. Whatever has no outcome is untouched: none is taken for sent."""
        errors, verdicts = self.done.errors, self.done.verdicts
        self.done.untouched = [s for s in self.batch.slots if s.place not in errors and s.place not in verdicts]
        channel = self._sender.channel.name
        for outcome, number in Counter(_word(error) for error in self.done.errors.values()).items():
            self._sender.metrics.count("mails_handed_over", number, channel=channel, outcome=outcome)
        return self.done


def hand_over(
    sender: Sender, batch: Batch, group: str, until: float, after: float = 0.0, apart: float = 0.0
) -> HandedOver:
    """Give the mails of one batch to the channel until the end, the deadline (monotonic), a throttle or a stop; `after`
    and `apart` as in `Window`."""
    window = Window(sender, batch, group, until, after, apart)
    broken: Exception | None = None
    try:
        for outcome in sender.channel.send(_all_of(window)):
            if outcome is not None:
                window.record(outcome)
            elif not window.exhausted:
                sender.clock.sleep(min(max(window.opens_at - sender.clock.monotonic(), 0.001), 0.2))
    except Exception as error:
        broken = error
    window.give_up(broken)
    return window.end()


def _all_of(window: Window) -> Iterator[OutgoingMail | None]:
    """Its mails; None where a rate leaves no place at this moment."""
    while (mail := window.take()) is not None or not window.exhausted:
        yield mail


def tell_of_failures(tx: Transaction, mailing: Mailing, chunk: int, batch: Batch, verdicts: dict[int, Verdict]) -> None:
    """Events for deliveries that failed for good; an address that is no good is never mailed again."""
    now = tx.now()
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


def cleaned(error: DeliveryError, recipient: str) -> DeliveryError:
    """The error with addresses cut out of the server's words: the ledger keeps no personal data. Cut short only then:
    half an address would not be known as one."""
    error.code = without_addresses(error.code or error.what, recipient)[:WORDS_KEPT]
    return error
