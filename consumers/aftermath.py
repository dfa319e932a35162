"""What becomes of a message that was dealt with: it is counted, waits for its next attempt, or is buried."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from zlib import crc32

import structlog

from tribune.domain.errors import BrokenEvent
from tribune.domain.events import CloudEvent
from tribune.failures import frames, place, reason
from tribune.ports.log import MessageTooLarge

if TYPE_CHECKING:
    from consumers.loop import Consumer, Job
    from tribune.bootstrap import Application


class Aftermath:
    """Of the messages of one member of a group."""

    def __init__(self, consumer: Consumer, app: Application) -> None:
        self._consumer = consumer
        self._app = app
        self._log = structlog.get_logger().bind(group=consumer.group)

    def failed(self, job: Job, error: Exception) -> None:
        """Try again later, or bury it: after the last attempt, and at once where no retry can mend it, or where it is
        too large to wait for one."""
        message, consumer = job.message, self._consumer
        wait = None
        if not isinstance(error, BrokenEvent):
            chance = crc32(message.value) / 2**32
            wait = consumer.backoff.wait(message.attempts + 1, chance)
        if wait is None:
            self.buried(job, error)
            return
        not_before = self._app.clock.now() + wait
        try:
            self._app.log.retry(consumer.group, message, not_before=not_before, reason=reason(error))
        except MessageTooLarge:
            self.buried(job, error, " (It is too large to be kept for another attempt.)")
            return
        self._app.metrics.count("events_retried", group=consumer.group, type=_type(job))
        with self.bound(job.received.event if job.received else None):
            self._log.warning(
                "event failed, will be tried again",
                error=reason(error),
                at=place(error),
                attempt=message.attempts + 1,
                not_before=not_before.isoformat(),
            )

    def buried(self, job: Job, error: Exception, note: str = "") -> None:
        """Put it among the dead letters, with the error and a note."""
        attempts, told = job.message.attempts + 1, reason(error) + note
        self._app.log.bury(self._consumer.group, job.message, told, frames(error), attempts)
        self._app.metrics.count("events_dead", group=self._consumer.group)
        with self.bound(job.received.event if job.received else None):
            first = job.message.first_position
            self._log.error(
                "event is among the dead letters",
                error=told,
                at=place(error),
                attempts=attempts,
                position=f"{first.topic}/{first.partition}/{first.offset}",
            )

    def well(self, job: Job) -> None:
        """It was handled, or passed over as what this house does not know."""
        metrics, group, received = self._app.metrics, self._consumer.group, job.received
        if received is None:
            return
        if received.type is None:
            # The name is a stranger's choice, so it goes into the log and is no label.
            metrics.count("events_of_unknown_type", group=group)
            self._log.debug("unknown type passed over", event_type=received.event.type, event_id=received.event.id)
        elif job.handler is not None:
            metrics.count("events_handled", group=group, type=received.event.type)
            if received.unknown:
                metrics.count("event_fields_unknown", len(received.unknown), group=group, type=received.event.type)
                with self.bound(received.event):
                    self._log.debug("unknown fields passed over", fields=received.unknown[:20])

    def bound(self, event: CloudEvent | None) -> AbstractContextManager[None]:
        """What is logged meanwhile names the event."""
        if event is None:
            return structlog.contextvars.bound_contextvars(group=self._consumer.group)
        return structlog.contextvars.bound_contextvars(
            group=self._consumer.group, event_type=event.type, event_id=event.id, correlation_id=event.correlation_id
        )


def _type(job: Job) -> str:
    return job.received.event.type if job.received else ""
