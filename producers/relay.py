"""The relay: what the outbox holds is published on Kafka, in order, at least once. Several may run; one works."""

from __future__ import annotations

import threading

import structlog

from tribune.bootstrap import Application
from tribune.domain.errors import ConfigurationError
from tribune.failures import place, reason
from tribune.ports.relay import HeldOutbox
from tribune.services.events.relay_outbox import BATCH, Relayed, relay_outbox

QUICK, SLOW = 0.005, 0.02
"""Seconds to wait after a round that found something, and at most when there is nothing. No LISTEN: it would make
every commit of the house wait for its turn."""

STANDBY_SECONDS = 0.2
FIRST_WAIT, LONGEST_WAIT = 0.25, 4.0
"""Seconds between two attempts while the store or the broker is away; the next wait is twice as long."""

MISSING_SECONDS = 30.0
"""How long events of a topic that does not exist are passed over before it is looked for again."""


def run(app: Application, stop: threading.Event) -> None:
    """Relay until `stop` is set. While Kafka or the database is away it waits and tries again by itself."""
    log = structlog.get_logger().bind(part="relay")
    app.metrics.count("outbox_published", 0)
    failures = 0
    while not stop.is_set():
        relay: _Relay | None = None
        try:
            with app.outbox_queue.hold() as outbox:
                if outbox is None:
                    failures = 0
                    stop.wait(STANDBY_SECONDS)
                    continue
                relay = _Relay(app, outbox, stop)
                relay.work()
        except ConfigurationError:
            raise
        except Exception as error:
            failures = 1 if relay is not None and relay.progressed else failures + 1
            wait = min(FIRST_WAIT * 2.0 ** (failures - 1), LONGEST_WAIT)
            log.error("relay interrupted", error=reason(error), at=place(error), again_in_seconds=wait)
            stop.wait(wait)


class _Relay:
    """The relay that works, with the outbox in its hands."""

    def __init__(self, app: Application, outbox: HeldOutbox, stop: threading.Event) -> None:
        self._app = app
        self._outbox = outbox
        self._stop = stop
        self._log = structlog.get_logger().bind(part="relay")
        self._passed_over: dict[str, float] = {}
        self.progressed = False
        """Whether a round went well: then the next failure is the first again."""

    def work(self) -> None:
        """Until told to stop. Raises what the database or the log raise."""
        idle = QUICK
        while not self._stop.is_set():
            now = self._app.clock.monotonic()
            self._passed_over = {topic: until for topic, until in self._passed_over.items() if until > now}
            round = relay_outbox(self._outbox, self._app.publisher, passing_over=self._passed_over)
            self._tell(round)
            if round.failure is not None:
                raise round.failure
            if not self.progressed:
                self.progressed = True
                self._log.info("relay works")
            if round.read < BATCH:
                idle = QUICK if round.read else min(idle * 2, SLOW)
                self._stop.wait(idle)

    def _tell(self, round: Relayed) -> None:
        metrics = self._app.metrics
        if round.published:
            metrics.count("outbox_published", round.published)
        for row, error in round.refused:
            metrics.count("outbox_refused", topic=row.topic)
            self._log.error(
                "an event can never be published and was set aside in the outbox",
                outbox_id=row.id,
                topic=row.topic,
                error=reason(error),
            )
        for topic in round.missing:
            self._passed_over[topic] = self._app.clock.monotonic() + MISSING_SECONDS
            metrics.count("outbox_topic_missing", topic=topic)
            self._log.error("events wait for a topic that does not exist: run `tribune migrate`", topic=topic)
