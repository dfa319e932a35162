"""Ask the event log for a page: an answer soon, or that it is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

import structlog

from tribune.domain.errors import ConfigurationError
from tribune.failures import reason
from tribune.ports.clock import Clock
from tribune.ports.log import EventLog, LogAway
from tribune.ports.log_view import LogView

SOON = 3.0
"""Seconds in which a log that is there says how many dead letters it has."""
AT_LENGTH = 20.0
"""Seconds that looking through a topic may take, once the log has answered that."""
REMEMBERED = 10.0
"""Seconds for which a log that was away is not asked again: nobody waits for it twice."""
Found = TypeVar("Found")
Question = Callable[[EventLog, LogView], Found]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a page waits for the log, and for how long it is remembered that it was away; in seconds."""

    soon: float = SOON
    at_length: float = AT_LENGTH
    remembered: float = REMEMBERED


class LogDesk:
    """The log as pages see it, used by many threads at a time. `patience` None: the log is no further away than the
    store, and is simply asked."""

    def __init__(self, log: EventLog, view: LogView, clock: Clock, patience: Patience | None = None) -> None:
        self._log, self._view, self._clock, self._patience = log, view, clock, patience
        self._away_until = 0.0
        self._unanswered: Future[object] | None = None

    def ask(self, question: Question[Found], *, at_length: bool = False) -> Found:
        """The answer to a question that looks at dead letters or offsets; `at_length`: that reads events. Raises
        LogAway where the log cannot be reached, refuses us, or does not answer in time, and for a while after."""
        if self._patience is None:
            return question(self._log, self._view)
        if not at_length:
            return self._within(self._patience.soon, question)
        self._within(self._patience.soon, lambda log, _: log.dead_letters(limit=1))
        return self._within(self._patience.at_length, question)

    def _within(self, seconds: float, question: Question[Found]) -> Found:
        unanswered = self._unanswered
        if self._clock.monotonic() < self._away_until or (unanswered is not None and not unanswered.done()):
            raise LogAway("The event log was away a moment ago.")
        answer: Future[Found] = Future()
        threading.Thread(target=self._put, args=(question, answer), name="desk-log", daemon=True).start()
        try:
            return answer.result(seconds)
        except TimeoutError:
            # It hangs: nobody asks anything more until it has come to an end.
            self._unanswered = answer  # type: ignore[assignment]
            raise self._away(f"no answer in {seconds:g} s") from None
        except (LogAway, ConfigurationError) as error:
            raise self._away(reason(error)) from error

    def _put(self, question: Question[Found], answer: Future[Found]) -> None:
        try:
            answer.set_result(question(self._log, self._view))
        except BaseException as error:  # it is raised where somebody waits for the answer
            answer.set_exception(error)

    def _away(self, why: str) -> LogAway:
        if self._patience is not None:
            self._away_until = self._clock.monotonic() + self._patience.remembered
        structlog.get_logger().warning("the newsroom cannot read the event log", reason=why)
        return LogAway(f"The event log is away: {why}")
