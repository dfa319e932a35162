"""One sender's hold on one chunk: claim it, then window by window: make the doubt durable, settle what became of it.

Each window costs one transaction: it settles the window before and opens the next. Everything here happens inside the
caller's transaction; none is held while the channel works (send_stream.py). Where the process dies, what lies between
the chunk's two marks is in doubt, and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from tribune.domain.errors import Throttled
from tribune.domain.mailings import WINDOW, DeliveryState, Mailing
from tribune.domain.sending import (
    BROKEN_DELAY,
    MAX_HANDOVERS,
    THROTTLE_DELAY,
    Claim,
    InDoubt,
    Marks,
    Verdict,
    judge,
    policy_of,
)
from tribune.domain.throttling import Permit
from tribune.ports.store import Transaction
from tribune.services.sending.hand_over import HandedOver, Window, tell_of_failures
from tribune.services.sending.mailing_events import chunk_done, mailing_changed
from tribune.services.sending.make_mails import Batch, Sender, load_window

log = structlog.get_logger()

FIRST_NO_MORE = timedelta(minutes=8)
"""Where a lane rests this long, having rested in vain before, its first mail is tried by itself later on."""


def claim_chunk(tx: Transaction, sender: Sender, mailing_id: int, chunk: int) -> ChunkRun | None:
    """Take a chunk; None where there is nothing to take: done, taken, resting, or not allowed."""
    now = tx.now()
    claim = tx.ledger.claim(mailing_id, chunk, sender.owner, now, sender.lease)
    mailing = tx.ledger.mailing(mailing_id) if claim else None
    if claim is None or mailing is None:
        return None
    return ChunkRun(sender, mailing, claim)


class ChunkRun:
    """`marks` are always the durable ones."""

    def __init__(self, sender: Sender, mailing: Mailing, claim: Claim) -> None:
        self.sender = sender
        self.mailing = mailing
        self.claim = claim
        self.marks = claim.marks
        self._first = True

    @property
    def name(self) -> tuple[int, int]:
        return self.mailing.id, self.claim.chunk

    def open(self, tx: Transaction, until: float) -> Window | None:
        """Open the next window, durable when the transaction ends; None at the end of the chunk, where the mailing
        was paused meanwhile, and where its domain group is left alone or the rates leave no room now: the chunk rests
        then."""
        now = tx.now()
        if self.marks.in_doubt and self._enough():
            self._settle(tx, self.marks.given_up(), self._given_up(tx))
        if self.marks.finished:
            self._finish(tx)
            return None
        allowed = self._permit(tx)
        if not allowed.number:
            tx.ledger.release(self.claim, now + allowed.after, whole_lane=True)
            return None
        marks = self.marks.opened(allowed.number)
        if not tx.ledger.open_window(self.claim, marks, now, self.sender.lease):
            # It may be resumed at this very moment: with an instant the scheduler gives the chunk out again.
            tx.ledger.release(self.claim, now)
            return None
        self.marks = marks
        if self._first and tx.ledger.start(self.mailing.id, now):
            tx.outbox.add(mailing_changed(tx, self.mailing, "mailing.started", now))
        self._first = False
        batch = load_window(tx, self.sender, self.mailing, self.claim, marks)
        pace = allowed.after.total_seconds(), allowed.apart.total_seconds()
        window = Window(self.sender, batch, self.claim.domain_group, until, *pace)
        window.done.began = now
        return window

    def settle(self, tx: Transaction, batch: Batch, done: HandedOver) -> bool:
        """Record what became of a window; whether the next one may be opened. False: this sender is through with the
        chunk."""
        now = tx.now()
        reached, verdicts = self._verdicts(batch, done, self._rest(tx, done), now)
        tell_of_failures(tx, self.mailing, self.claim.chunk, batch, verdicts)
        self._settle(tx, self.marks.reached(reached), list(verdicts.values()))
        if self.marks.finished:
            self._finish(tx)
            if done.rest is not None:
                tx.ledger.rest_lane(self.claim, now + done.rest)
                self._say_that_it_rests(done)
        elif done.broken is not None:
            # Its event is tried again; with an instant the scheduler gives it out, too, should the event be given up.
            tx.ledger.release(self.claim, now + BROKEN_DELAY)
        elif done.rest is not None:
            tx.ledger.release(self.claim, now + done.rest, whole_lane=True)
            self._say_that_it_rests(done)
        elif self.sender.stopping():
            tx.ledger.release(self.claim, now)
        else:
            return True
        return False

    def let_go(self, tx: Transaction) -> None:
        """The next window could not be opened: the chunk rests, and comes to whoever is next."""
        tx.ledger.release(self.claim, tx.now() + BROKEN_DELAY)

    def _rest(self, tx: Transaction, done: HandedOver) -> timedelta:
        """How long a throttled channel is left alone; longer each time in a row, unless it named a time itself."""
        channel, group = self.sender.channel.name, self.claim.domain_group
        if done.rest is None:
            if self.marks.doubt == self.marks.size and any(error is None for error in done.errors.values()):
                tx.throttles.went_well(channel, group, done.began or tx.now())
            return timedelta()
        now = tx.now()
        if done.asked:
            tx.throttles.asked_for(channel, group, done.rest, now)
        else:
            done.rest = tx.throttles.failed(channel, group, now) - now
        return done.rest

    def _permit(self, tx: Transaction) -> Permit:
        """Asked with rates and without: a provider that wants to be left alone is, whatever mailing comes next."""
        rates, group = self.sender.rates, self.claim.domain_group
        # What a dead sender left in doubt goes as one, whatever number there is room for, but at the pace of the rate.
        wanted = min(WINDOW, self.marks.size - self.marks.sent)
        return tx.throttles.take(self.sender.channel.name, group, wanted, rates, tx.now())

    def _verdicts(
        self, batch: Batch, done: HandedOver, pause: timedelta, now: datetime
    ) -> tuple[int, dict[int, Verdict]]:
        """How far the mark may go, and the exceptions below it.

        Mails that a throttled channel did not take at the very end wait with the rest and burn nothing; any before one
        that left (a channel may have several in flight) become retries. So does each that was itself told to slow
        down, and the first one where the channel has long taken nothing: put first again and again, a mail that a
        server cannot bear would let nobody pass.
        """
        reached = done.untouched[0].place if done.untouched else self.marks.doubt
        for slot in reversed(batch.slots):
            error = done.errors.get(slot.place)
            if isinstance(error, Throttled) and not error.of_mail:
                reached = slot.place
            elif slot.place in done.errors:
                break
        if reached == self.marks.sent and reached in done.errors and not done.asked and pause >= FIRST_NO_MORE:
            reached += 1
        # What an earlier sender may have sent is not taken for unsent because its mail cannot be made any more.
        before = self.marks.handovers - 1
        verdicts = {place: replace(told, handovers=before) for place, told in done.verdicts.items() if place < reached}
        for place, error in done.errors.items():
            if error is None or place >= reached:
                continue
            verdict = judge(
                place,
                error,
                policy=policy_of(self.mailing, self.sender.channel.in_doubt),
                now=now,
                handovers=self.marks.handovers,
                rest=pause or THROTTLE_DELAY,
            )
            if verdict is not None:
                verdicts[place] = verdict
        return reached, dict(sorted(verdicts.items()))

    def _enough(self) -> bool:
        """Whether what an earlier sender left in doubt must not be sent again by itself."""
        policy = policy_of(self.mailing, self.sender.channel.in_doubt)
        return self.marks.handovers >= MAX_HANDOVERS or policy is InDoubt.QUARANTINE

    def _given_up(self, tx: Transaction) -> list[Verdict]:
        code = f"no answer after {self.marks.handovers} attempts"
        return [
            Verdict(slot.place, DeliveryState.QUARANTINED, code, self.marks.handovers, self.marks.handovers)
            for slot in tx.ledger.slots(self.claim, self.marks.sent, self.marks.doubt)
        ]

    def _settle(self, tx: Transaction, marks: Marks, verdicts: list[Verdict]) -> None:
        tx.ledger.settle(self.claim, marks, verdicts, tx.now())
        self.marks = marks

    def _finish(self, tx: Transaction) -> None:
        now = tx.now()
        tx.outbox.add(chunk_done(tx, self.mailing, self.claim.chunk, now))
        if tx.ledger.finish(self.mailing.id, now):
            tx.outbox.add(mailing_changed(tx, self.mailing, "mailing.finished", now))

    def _say_that_it_rests(self, done: HandedOver) -> None:
        why = next((error for error in reversed(done.errors.values()) if isinstance(error, Throttled)), None)
        if why is None:
            return  # another window of the group met it, and says so
        log.warning(
            "the channel is throttled or away: the lane rests",
            channel=self.sender.channel.name,
            lane=self.claim.lane,
            group=self.claim.domain_group,
            seconds=(done.rest or timedelta()).total_seconds(),
            why=str(why),
            code=why.code,
        )
