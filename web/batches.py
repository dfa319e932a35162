"""Many requests share a transaction (group commit): those that arrive together are worked on together.

A request waits for its answer, which is given after the commit. Under load a batch is what arrived while the one before
was committed, so that a busy site takes fewer and larger transactions; alone, a request waits for nobody but a few
milliseconds. Where a batch fails it is halved and tried again, down to the one that is at fault: it harms nobody else.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

import structlog

from tribune.bootstrap import Application
from tribune.domain.consent import ConsentText
from tribune.domain.sign_up import Asking
from tribune.failures import reason
from tribune.ports.store import Store, Transaction
from tribune.services.audience.confirm_sign_up import Confirmation, Confirmed, confirm_together
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.audience.sign_up import Answer, sign_up_together
from tribune.services.audience.unsubscribe import Stop, unsubscribe_together
from web.away import is_away, is_busy

Ask = TypeVar("Ask")
Told = TypeVar("Told")

MOST = 200
"""So many share one transaction at most."""

GATHER_SECONDS = 0.004
"""How long the first of a batch waits for others."""

APART_SECONDS = 0.035
"""Between the beginnings of two batches: what a batch costs whatever its size is then paid thirty times a second at
most."""

PATIENCE_SECONDS = 20.0
"""Whoever has waited for so long has gone away: nothing is begun for them any more."""

log = structlog.get_logger()


class TooBusy(Exception):
    """It was not done: the store is away, too slow, or held by somebody else. Nothing was changed."""


class Together(Generic[Ask, Told]):
    """Does `work` for whoever asks, several at once, in a thread of its own. Safe to ask from any event loop.

    `prepare` comes before the first; `committed` hears of what went through."""

    def __init__(
        self,
        name: str,
        store: Store,
        work: Callable[[Transaction, Sequence[Ask]], Sequence[Told]],
        committed: Callable[[Sequence[Ask]], None] = lambda _: None,
        prepare: Callable[[], object] = lambda: None,
        most: int = MOST,
    ) -> None:
        self._name = name
        self._store = store
        self._work = work
        self._committed = committed
        self._prepare: Callable[[], object] | None = prepare
        self._most = most
        self._waiting: deque[_One[Ask, Told]] = deque()
        self._some = threading.Condition()
        self._thread: threading.Thread | None = None

    async def __call__(self, asked: Ask) -> Told:
        """What `work` gives for it, once it is committed. Raises what it raised, or TooBusy."""
        one = _One[Ask, Told](asked, asyncio.get_running_loop())
        with self._some:
            self._waiting.append(one)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"together {self._name}", daemon=True)
                self._thread.start()
            self._some.notify()
        return await one.future

    def _run(self) -> None:
        while True:
            with self._some:
                while not self._waiting:
                    self._some.wait()
            time.sleep(GATHER_SECONDS)
            began = time.monotonic()
            with self._some:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            late = [one for one in batch if began - one.since > PATIENCE_SECONDS]
            for one in late:
                one.error = TooBusy()
            try:
                self._do([one for one in batch if one.error is None])
            except Exception as error:  # a fault of ours: these hear of it, and the next ones are served
                log.error("a batch broke", of=self._name, error=reason(error))
                for one in batch:
                    one.error = one.error or (None if one.told else error)
            _tell(batch)
            time.sleep(max(0.0, began + APART_SECONDS - GATHER_SECONDS - time.monotonic()))

    def _do(self, batch: Sequence[_One[Ask, Told]], *, again: bool = False) -> None:
        if not batch:
            return
        asked = [one.asked for one in batch]
        try:
            if self._prepare is not None:
                self._prepare()
                self._prepare = None
            with self._store.write() as tx:
                told = self._work(tx, asked)
        except Exception as error:
            if is_away(error) or (is_busy(error) and not self._store.clashed(error)):
                # Halved, each half would wait as long again.
                why = "the store is busy" if is_busy(error) else "the store cannot be reached"
                log.warning(why, wanted=self._name, error=reason(error), asked=len(batch))
                for one in batch:
                    one.error = TooBusy()
            elif len(batch) == 1 and (again or not self._store.clashed(error)):
                batch[0].error = error
            elif len(batch) == 1:
                self._do(batch, again=True)  # the same address came through another door
            else:
                log.warning("a batch is halved", of=self._name, error=reason(error), asked=len(batch))
                self._do(batch[: len(batch) // 2])
                self._do(batch[len(batch) // 2 :])
        else:
            self._committed(asked)
            for one, answer in zip(batch, told, strict=True):
                one.told = [answer]


class _One(Generic[Ask, Told]):
    """Somebody who waits: what they ask, and what became of it (`told` holds it once it is known)."""

    def __init__(self, asked: Ask, loop: asyncio.AbstractEventLoop) -> None:
        self.asked = asked
        self.loop = loop
        self.future: asyncio.Future[Told] = loop.create_future()
        self.since = time.monotonic()
        self.told: list[Told] = []
        self.error: Exception | None = None

    def settle(self) -> None:
        if self.future.done():  # they have gone away
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.told[0])


class Batches:
    """What the public pages let wait for each other. `texts`: the words of consent that their forms show."""

    def __init__(self, app: Application, texts: Collection[ConsentText] = ()) -> None:
        self._app = app
        self._unkept = {text.version: text for text in texts}
        self.sign_ups = Together("sign-ups", app.store, self._sign_up, self._signed_up)
        self.confirmations = Together(
            "confirmations", app.store, self._confirm, prepare=lambda: refresh_masks(app.store, app.codelists)
        )
        self.leaving = Together("leaving", app.store, self._leave)

    def _sign_up(self, tx: Transaction, asked: Sequence[Asking]) -> Sequence[Answer]:
        now = self._app.clock.now()
        for version in {asking.text_version for asking in asked} & self._unkept.keys():
            tx.consents.keep_text(self._unkept[version], now)
        return sign_up_together(tx, asked, self._app.sign_ups, now)

    def _signed_up(self, asked: Sequence[Asking]) -> None:
        for version in {asking.text_version for asking in asked}:
            self._unkept.pop(version, None)

    def _confirm(self, tx: Transaction, asked: Sequence[Confirmation]) -> Sequence[Confirmed]:
        app = self._app
        return confirm_together(tx, asked, app.digests, app.codelists, app.clock.now())

    def _leave(self, tx: Transaction, stops: Sequence[Stop]) -> Sequence[bool]:
        return unsubscribe_together(tx, stops, self._app.clock.now())


def _tell(batch: Sequence[_One[Ask, Told]]) -> None:
    """Wake each event loop once for all who wait in it."""
    for loop in {one.loop for one in batch}:
        mine = [one for one in batch if one.loop is loop]

        def settle(mine: Sequence[_One[Ask, Told]] = mine) -> None:
            for one in mine:
                one.settle()

        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue
