"""Send many chunks as one stream: while the mails of one window leave, the next one is settled, opened and loaded.

A sender has at most two windows open, each in a chunk of its own: that is the bound of what a crash leaves in doubt.
The channel is given one unbroken iterable of mails over all of them. Where the ledger's transactions wait for a
database server they run beside it in a thread, so that the channel never waits for a commit. After a crash, see
chunk_run.py.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

import structlog

from tribune.domain.errors import ConfigurationError, Conflict, TribuneError
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.store import Transaction
from tribune.services.sending.chunk_run import ChunkRun, claim_chunk
from tribune.services.sending.hand_over import HandedOver, Window, deadline
from tribune.services.sending.make_mails import Sender
from tribune.services.sending.patience import TRIES, renewing, settle_patiently

log = structlog.get_logger()

OPEN = 2
"""Windows that a sender has open at once."""

WAIT_SECONDS = 0.5
"""How long to wait for the ledger in one go, where nothing is in hand."""

Chunk = tuple[int, int]
Opened = tuple[ChunkRun, Window]


class Stream:
    """Sends chunks (mailing, chunk) in order. Not `patient`: what the ledger falls over is raised at once.

    After `run`: `claimed` are those that were this sender's to send, `through` those that this sender has nothing more
    to do for, `errors` what went wrong with which, `taken` how many of the chunks were looked at: fewer than all where
    the sender was told to stop.
    """

    def __init__(
        self,
        sender: Sender,
        chunks: Iterable[Chunk],
        *,
        patient: bool = True,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self.claimed: list[Chunk] = []
        self.through: set[Chunk] = set()
        self.errors: dict[Chunk, Exception] = {}
        self.taken = 0
        self._sender = sender
        self._chunks = iter(chunks)
        self._more = True
        self._pulse = pulse
        self._tries = TRIES if patient else ()
        # SQLite works in this process: a second thread would only take turns with this one, at a price.
        self._desk = ThreadPoolExecutor(1, "tribune-ledger") if sender.store.waits else None
        self._told: SimpleQueue[Opened | Exception | None] = SimpleQueue()
        self._fatal: Exception | None = None
        self._pending = 0
        self._open: deque[Opened] = deque()
        self._window_of: dict[str, Window] = {}
        self._held: dict[Chunk, ChunkRun] = {}
        self._halted: set[int] = set()  # mailings that were paused or cancelled while we had windows of them

    def run(self) -> None:
        """Send until there is nothing left, or the sender is to stop. Raises what the channel or the store fell over,
        after the ledger has been told of everything that is known."""
        broken: Exception | None = None
        with renewing(self._sender.lease, self._renewals):
            try:
                for _ in range(OPEN):
                    self._submit(self._next)
                outcomes = self._sender.channel.send(self._mails())
                try:
                    for outcome in outcomes:
                        if outcome is None and self._window_of:
                            raise RuntimeError("the channel has lost a mail that it was given")
                        if outcome is None:
                            self._wait()
                        else:
                            self._record(outcome)
                except Exception as error:
                    broken = error
                finally:
                    with suppress(Exception):
                        outcomes.close()  # type: ignore[attr-defined]
                self._end(broken)
            finally:
                if self._desk is not None:
                    self._desk.shutdown(wait=True)
        if broken or self._fatal:
            raise broken or self._fatal  # type: ignore[misc]

    # -- the channel's side -----------------------------------------------------------------------------------

    def _mails(self) -> Iterator[OutgoingMail | None]:
        """All mails, one after the other; None where there is none at this moment."""
        while True:
            self._collect()
            mail = self._take()
            if mail is None:
                if self._fatal is not None or not (self._open or self._pending):
                    return
                if self._desk is None and self._pending:
                    continue  # it is done already
            yield mail

    def _take(self) -> OutgoingMail | None:
        for _ in range(len(self._open)):
            run, window = self._open[0]
            if run.mailing.id in self._halted:
                window.stop()
            mail = window.take()
            if mail is not None:
                self._window_of[mail.delivery] = window
                return mail
            if window.complete:
                self._open.popleft()
                self._settle(run, window)
            else:
                self._open.rotate(-1)
        return None

    def _record(self, outcome: Outcome) -> None:
        window = self._window_of.pop(outcome.delivery)
        window.record(outcome)
        if window.done.rest is not None:
            for run, other in self._open:  # the same provider will not take the other window's mails either
                if other.done.rest is None and run.claim.domain_group == self._group_of(window):
                    other.done.rest = window.done.rest

    def _group_of(self, window: Window) -> str:
        return next((run.claim.domain_group for run, one in self._open if one is window), "")

    def _wait(self) -> None:
        """Nothing is in the channel's hands: wait for the ledger, or for the next place that a rate leaves."""
        if self._pending:
            with suppress(Empty):
                self._heard(self._told.get(timeout=WAIT_SECONDS))
            return
        opens_at = min((window.opens_at for _, window in self._open), default=0.0)
        nap = opens_at - self._sender.clock.monotonic()
        if nap > 0:
            time.sleep(min(nap, WAIT_SECONDS))

    def _end(self, broken: Exception | None) -> None:
        """The channel is through, or broke off: settle what is open, and hear everything out."""
        if broken is not None:
            self._more = False
        while self._open or self._pending:
            while self._open:
                run, window = self._open.popleft()
                # With the error a chunk is let go of; without it the ledger would open its next window, for ever.
                window.give_up(broken or self._fatal)
                self._settle(run, window)
            if self._pending:
                self._heard(self._told.get())

    def _renewals(self) -> list[Callable[[], None]]:
        """What renews the leases while mails are on their way: a server may take longer for one than a lease lasts.
        Mails are handed over by the first lease alone (hand_over.deadline), so a process that stood still is fenced."""
        return [partial(self._renew, *held) for held in list(self._held.items())]

    def _renew(self, name: Chunk, run: ChunkRun) -> None:
        with self._sender.store.write() as tx:
            if name in self._held:
                tx.ledger.renew(run.claim, tx.now(), self._sender.lease)

    # -- the ledger's side ------------------------------------------------------------------------------------

    def _settle(self, run: ChunkRun, window: Window) -> None:
        done = window.end()
        self._submit(lambda: self._settled(run, window, done))

    def _submit(self, work: Callable[[], Opened | None]) -> None:
        def do() -> None:
            try:
                told: Opened | Exception | None = work()
            except Exception as error:
                told = error
            self._told.put(told)

        self._pending += 1
        if self._desk is None:
            do()
        else:
            self._desk.submit(do)

    def _collect(self) -> None:
        while self._pending and not self._told.empty():
            self._heard(self._told.get())

    def _heard(self, told: Opened | Exception | None) -> None:
        self._pending -= 1
        if isinstance(told, Exception):
            self._fatal, self._more = self._fatal or told, False
        elif told is not None:
            self._pulse()
            self._open.append(told)

    def _settled(self, run: ChunkRun, window: Window, done: HandedOver) -> Opened | None:
        """Settle a window, and open the next one: of the same chunk, or of the next chunk, in the same transaction."""
        if done.broken is not None:
            self._more = False
            self.errors[run.name] = done.broken
        marks, attempts, goes_on, mailing = run.marks, 0, False, run.mailing.id

        def settle(tx: Transaction) -> Window | None:
            nonlocal attempts, goes_on
            attempts += 1
            run.marks = marks  # whatever was tried before was not committed
            until = deadline(self._sender)
            goes_on = run.settle(tx, window.batch, done)
            # Each window that ends looks for all of them, so that a pause holds from here on, not from their ends.
            if tx.ledger.goes_on(mailing):
                self._halted.discard(mailing)
            else:
                self._halted.add(mailing)
            # What became of a window must not be lost because the next one cannot be opened: at first only both.
            return run.open(tx, until) if goes_on and attempts == 1 else None

        try:
            following = settle_patiently(self._sender.store, settle, self._sender.stopping, self._tries)
            if goes_on and attempts > 1:
                following = self._opened_by_itself(run)
        except Conflict:
            # Our lease ran out and another sender has taken over: what we know of this window is lost.
            log.warning("chunk was taken over", mailing=mailing, chunk=run.claim.chunk, epoch=run.claim.epoch)
            following = None
        except (ConfigurationError, TribuneError) as error:
            self.errors[run.name] = error
            following = None
        if following is not None:
            return run, following
        self._held.pop(run.name, None)
        if run.name not in self.errors:
            self.through.add(run.name)
        return self._next()

    def _opened_by_itself(self, run: ChunkRun) -> Window | None:
        """The next window of a chunk whose last one is settled; None, and the chunk is let go, where it cannot be."""
        try:
            until = deadline(self._sender)
            with self._sender.store.write() as tx:
                return run.open(tx, until)
        except Conflict:
            raise
        except Exception as error:
            log.warning(
                "a window cannot be opened", mailing=run.mailing.id, chunk=run.claim.chunk, error=type(error).__name__
            )
            self.errors[run.name] = error
            with suppress(Exception), self._sender.store.write() as tx:
                run.let_go(tx)
            return None

    def _next(self) -> Opened | None:
        """Claim the next chunk that is to be had, and open its first window."""
        while self._more and not self._sender.stopping():
            chunk = next(self._chunks, None)
            if chunk is None:
                self._more = False
                return None
            self.taken += 1
            until = deadline(self._sender)
            try:
                with self._sender.store.write() as tx:
                    run = claim_chunk(tx, self._sender, *chunk)
                    window = run.open(tx, until) if run is not None else None
            except (Conflict, ConfigurationError):
                raise
            except TribuneError as error:
                self.errors[chunk] = error
                continue
            if run is not None:
                self.claimed.append(chunk)
            if run is not None and window is not None:
                self._halted.discard(run.mailing.id)
                self._held[chunk] = run
                return run, window
            self.through.add(chunk)
        return None
