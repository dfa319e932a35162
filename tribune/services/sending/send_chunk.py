"""Send a chunk of deliveries: claim it, then window by window: make the doubt durable, hand over, settle.

Each window costs one transaction: it settles the window before and opens the next. No transaction is held while the
channel works. Where the process dies, what lies between the two marks is in doubt, and nothing else.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from tribune.domain.errors import Conflict, Throttled
from tribune.domain.mailings import DeliveryState, Mailing
from tribune.domain.sending import MAX_HANDOVERS, Claim, InDoubt, Marks, Verdict, judge
from tribune.ports.store import Transaction
from tribune.services.sending.hand_over import HandedOver, deadline, hand_over, tell_of_failures
from tribune.services.sending.mailing_events import chunk_done, mailing_changed
from tribune.services.sending.make_mails import Batch, Sender, load_batch

log = structlog.get_logger()


def send_chunk(sender: Sender, mailing_id: int, chunk: int) -> bool:
    """Send what is left of a chunk; False where there was nothing to claim: done, taken, resting, or not allowed.

    A chunk whose channel is throttled or away rests and comes back by an event (`release_retries`). Raises what the
    channel fell over, after the ledger has been told.
    """
    until = deadline(sender)
    with sender.store.write() as tx:
        now = sender.clock.now()
        claim = tx.ledger.claim(mailing_id, chunk, sender.owner, now, sender.lease)
        mailing = tx.ledger.mailing(mailing_id) if claim else None
        if claim is None or mailing is None:
            return False
        if tx.ledger.start(mailing_id, now):
            tx.outbox.add(mailing_changed(tx, mailing, "mailing.started", now))
        run = _Run(sender, mailing, claim)
        batch = run.open(tx)
    try:
        while batch is not None:
            done = hand_over(sender, batch, until)
            until = deadline(sender)
            batch = run.settle(batch, done)
    except Conflict:
        # Our lease ran out and another sender has taken over: what we know of this window is lost, and it is theirs.
        log.warning("chunk was taken over", mailing=mailing_id, chunk=chunk, epoch=claim.epoch)
    if run.broken is not None:
        raise run.broken
    return True


class _Run:
    """One sender's hold on one chunk. `marks` are always the durable ones."""

    def __init__(self, sender: Sender, mailing: Mailing, claim: Claim) -> None:
        self.sender = sender
        self.mailing = mailing
        self.claim = claim
        self.marks = claim.marks
        self.broken: Exception | None = None

    def open(self, tx: Transaction) -> Batch | None:
        """Open the next window, durable when the transaction ends; None at the end of the chunk, or where the mailing
        was paused meanwhile."""
        now = self.sender.clock.now()
        if self.marks.in_doubt and self._enough():
            self._settle(tx, self.marks.given_up(), self._given_up(tx))
        if self.marks.finished:
            self._finish(tx)
            return None
        marks = self.marks.opened()
        if not tx.ledger.open_window(self.claim, marks, now, self.sender.lease):
            tx.ledger.release(self.claim, None)
            return None
        self.marks = marks
        slots = tx.ledger.slots(self.claim, marks.sent, marks.doubt)
        return load_batch(tx, self.sender, self.mailing, self.claim.chunk, slots)

    def settle(self, batch: Batch, done: HandedOver) -> Batch | None:
        """Record what became of a window; the next one, or None where this sender is through with the chunk."""
        self.broken = done.broken
        reached, verdicts = self._verdicts(batch, done)
        with self.sender.store.write() as tx:
            now = self.sender.clock.now()
            tell_of_failures(tx, self.mailing, self.claim.chunk, batch, verdicts, now)
            self._settle(tx, self.marks.reached(reached), list(verdicts.values()))
            if self.marks.finished:
                self._finish(tx)
            elif done.broken is not None:
                tx.ledger.release(self.claim, None)
            elif done.rest is not None:
                tx.ledger.release(self.claim, now + done.rest, whole_lane=True)
                self._say_that_it_rests(done)
            elif self.sender.stopping():
                tx.ledger.release(self.claim, now)
            else:
                return self.open(tx)
        return None

    def _verdicts(self, batch: Batch, done: HandedOver) -> tuple[int, dict[int, Verdict]]:
        """How far the mark may go, and the exceptions below it.

        Mails refused by a throttled channel at the very end wait with the rest and burn nothing; any before one that
        left (a channel may have several in flight) become retries.
        """
        reached = done.untouched[0].place if done.untouched else self.marks.doubt
        for slot in reversed(batch.slots):
            if isinstance(done.errors.get(slot.place), Throttled):
                reached = slot.place
            elif slot.place in done.errors:
                break
        verdicts = {place: verdict for place, verdict in done.verdicts.items() if place < reached}
        now = self.sender.clock.now()
        for place, error in done.errors.items():
            if place >= reached:
                continue
            verdict = judge(
                place,
                error,
                policy=self.sender.channel.in_doubt,
                now=now,
                handovers=self.marks.handovers,
                rest=done.rest or timedelta(),
            )
            if verdict is not None:
                verdicts[place] = verdict
        return reached, dict(sorted(verdicts.items()))

    def _enough(self) -> bool:
        """Whether what an earlier sender left in doubt must not be sent again by itself."""
        return self.marks.handovers >= MAX_HANDOVERS or self.sender.channel.in_doubt is InDoubt.QUARANTINE

    def _given_up(self, tx: Transaction) -> list[Verdict]:
        code = f"no answer after {self.marks.handovers} attempts"
        return [
            Verdict(slot.place, DeliveryState.QUARANTINED, code, self.marks.handovers, self.marks.handovers)
            for slot in tx.ledger.slots(self.claim, self.marks.sent, self.marks.doubt)
        ]

    def _settle(self, tx: Transaction, marks: Marks, verdicts: list[Verdict]) -> None:
        tx.ledger.settle(self.claim, marks, verdicts, self.sender.clock.now())
        self.marks = marks

    def _finish(self, tx: Transaction) -> None:
        now = self.sender.clock.now()
        tx.outbox.add(chunk_done(tx, self.mailing, self.claim.chunk, now))
        if tx.ledger.finish(self.mailing.id, now):
            tx.outbox.add(mailing_changed(tx, self.mailing, "mailing.finished", now))

    def _say_that_it_rests(self, done: HandedOver) -> None:
        why = next(error for error in reversed(done.errors.values()) if isinstance(error, Throttled))
        log.warning(
            "the channel is throttled or away: the lane rests",
            channel=self.sender.channel.name,
            lane=self.claim.lane,
            group=self.claim.domain_group,
            seconds=(done.rest or timedelta()).total_seconds(),
            why=str(why),
            code=why.code,
        )
