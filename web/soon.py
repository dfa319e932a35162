"""A question that may hang, asked for somebody who must not: an answer soon, or none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from tribune.ports.clock import Clock

SOON = 3.0
"""Seconds for which figures and health wait for one part: whoever asks (Prometheus, a probe) gives up after ten."""

Found = TypeVar("Found")


class Soon(Generic[Found]):
    """Asks in a thread of its own. While a question hangs none is asked beside it, and nobody waits for it longer than
    `seconds` after it was asked: who comes later is told at once."""

    def __init__(self, question: Callable[[], Found], clock: Clock, seconds: float = SOON) -> None:
        self._question, self._clock, self._seconds = question, clock, seconds
        self._lock = threading.Lock()
        self._asked: Future[Found] | None = None
        self._at = 0.0

    def ask(self) -> Callable[[], Found]:
        """Begin to ask; what is returned gives the answer. It raises what the question raised, or TimeoutError."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked, self._at = Future(), self._clock.monotonic()
                threading.Thread(target=self._put, args=(self._asked,), name="soon", daemon=True).start()
            asked, until = self._asked, self._at + self._seconds

        def answer() -> Found:
            try:
                return asked.result(max(until - self._clock.monotonic(), 0.0))
            except TimeoutError:
                if asked.done():  # it is the question's own
                    raise
                raise TimeoutError(f"no answer in {self._seconds:g} s") from None

        return answer

    def _put(self, asked: Future[Found]) -> None:
        try:
            asked.set_result(self._question())
        except BaseException as error:  # it is raised where somebody waits for the answer
            asked.set_exception(error)
