"""The loop that every consumer group runs: decode, pass over what was handled, handle, try again or bury, commit.

A handler works inside one write transaction, together with the row in the inbox: in effect, each event is handled once.
Only what it does in the transaction counts: it may be called again for an event when a neighbour's failure undid it.
A handler that does its own input and output (it sends) is marked `Acting` and works outside of any transaction.

A failed event waits for its next attempt beside its partition, which moves on: a later event of the same key may
overtake it. Handlers are safe against that: old news loses (decisions.md, 4).
Why: docs/adr/0004-retries-beside-the-partition.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

import structlog

from consumers.aftermath import Aftermath
from tribune.domain.errors import BrokenEvent, ConfigurationError, Conflict
from tribune.domain.events import CloudEvent
from tribune.domain.retry import EVENTS, Backoff
from tribune.failures import place, reason
from tribune.ports.log import LogConsumer, Message
from tribune.ports.store import Transaction
from tribune.services.events.event_codec import Received, decode
from tribune.store.away import store_away

if TYPE_CHECKING:
    from tribune.bootstrap import Application

Handler = Callable[[Transaction, CloudEvent], None]

BATCH = 100
"""Messages that are taken at once."""

SLICE_SECONDS = 0.05
"""How long events are handled in one transaction, which holds the write lock: a commit waits for the disk, so on a busy
day many events share one."""

POLL_SECONDS = 0.5
"""How long one poll waits; a stop is heeded in between."""


class Acting:
    """A handler that does its own input and output, outside of any transaction. It may run twice for an event."""

    def __init__(self, act: Callable[[CloudEvent], None]) -> None:
        self.act = act


class ActingTogether:
    """A handler that acts on many events in one go: a sender, whose mails flow from one chunk into the next.

    `act` gets events in their order and a `pulse` to call now and then while it works, and gives an outcome (None:
    well) for each event that it looked at, from the first one on: fewer than it got where it was told to stop. It must
    know by itself what it has done before: no inbox is asked.
    """

    def __init__(self, act: Callable[[Sequence[CloudEvent], Callable[[], None]], Sequence[Exception | None]]) -> None:
        self.act = act


@dataclass(frozen=True)
class Consumer:
    """A consumer group: what it reads, and which handler acts on which type. A `projection` only derives state, so a
    replay passes its inbox by; anything that reaches a person is none (decisions.md, 5)."""

    group: str
    topics: tuple[str, ...]
    handlers: Mapping[str, Handler | Acting | ActingTogether]
    projection: bool = False
    backoff: Backoff = field(default=EVENTS)


@dataclass(frozen=True, slots=True)
class Job:
    """A message, and what it asks for. Without `received` it is broken; without `handler` this group passes it over."""

    message: Message
    received: Received | None
    handler: Handler | Acting | ActingTogether | None = None
    error: BrokenEvent | None = None

    @property
    def alone(self) -> bool:
        """Whether it cannot share a transaction with others."""
        return self.received is None or isinstance(self.handler, Acting | ActingTogether)


def run(consumer: Consumer, app: Application, stop: threading.Event, idle_exit: bool = False) -> None:
    """Handle events until `stop` is set (the event in hand is finished and committed), or until there are none.

    What fails around the handlers (the log or the store is away, the store takes no writes) is logged and tried again:
    work resumes by itself, and no event is to blame.
    """
    log = structlog.get_logger().bind(group=consumer.group)
    _begin_to_count(consumer, app)
    while not stop.is_set():
        since = app.clock.monotonic()
        member = Member(consumer, app, stop)
        try:
            while not stop.is_set():
                if not member.step(POLL_SECONDS) and idle_exit and not _behind(app, {member.group}):
                    return
        except ConfigurationError:
            raise
        except Exception as error:
            wait = app.interruptions.note(consumer.group, error, since)
            log.error("consumer interrupted", error=reason(error), at=place(error), again_in_seconds=wait)
            stop.wait(wait)
        finally:
            member.close()


def _begin_to_count(consumer: Consumer, app: Application) -> None:
    """A counter that is first seen at 1 has not grown for Prometheus: so each begins at 0."""
    for type in consumer.handlers:
        app.metrics.count("events_handled", 0, group=consumer.group, type=type)
        app.metrics.count("events_retried", 0, group=consumer.group, type=type)
    app.metrics.count("events_repeated", 0, group=consumer.group)
    app.metrics.count("events_dead", 0, group=consumer.group)


def drain(consumers: Sequence[Consumer], app: Application) -> int:
    """Run all groups in this thread until nothing is left, retries that are due by the clock included; how many
    messages were handled. Faults around the handlers are raised."""
    with Drain(consumers, app) as everything:
        return everything()


def _behind(app: Application, groups: Set[str]) -> bool:
    """Whether one of these groups has something left to do now. All are looked at together: on Kafka each look is a
    journey."""
    now = app.clock.now()
    return any(lag.behind for lag in app.log.lag() if lag.group in groups) or any(
        one.not_before <= now for one in app.log.waiting() if one.group in groups
    )


class Drain:
    """All groups in this thread, for those who drain again and again: members join once. Close it at the end."""

    def __init__(self, consumers: Sequence[Consumer], app: Application) -> None:
        self._app = app
        self._members = [Member(consumer, app, threading.Event()) for consumer in consumers]

    def __call__(self) -> int:
        """What `drain` does."""
        total = 0
        wait = 0.0
        while True:
            handled = sum(member.step(wait) for member in self._members)
            total += handled
            wait = 0.0
            if not handled:
                if not _behind(self._app, {member.group for member in self._members}):
                    return total
                wait = 0.05  # partitions are still in the hands of another member, which may be dead

    def __enter__(self) -> Drain:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.close()


class Member:
    """A member of a group at work."""

    def __init__(self, consumer: Consumer, app: Application, stop: threading.Event) -> None:
        self.group = consumer.group
        self._consumer = consumer
        self._app = app
        self._stop = stop
        self._log = structlog.get_logger().bind(group=consumer.group)
        self._after = Aftermath(consumer, app)
        self._member: LogConsumer | None = None

    def step(self, timeout: float) -> int:
        """Take some messages, deal with them, commit; how many."""
        if self._member is None:
            self._member = self._app.log.consumer(self._consumer.group, self._consumer.topics)
        messages = self._member.poll(BATCH, timeout)
        jobs = [self._prepare(message) for message in messages]
        done = 0
        while done < len(jobs) and not self._stop.is_set():
            done += self._some(jobs[done:])
        try:
            self._member.commit(message.position for message in messages[:done])
        except Conflict as conflict:
            # Another member has the partition now and gets these again; the inbox knows them.
            self._log.info("commit came too late", error=reason(conflict))
        return done

    def close(self) -> None:
        """Leave the group. A log that is away is left without a word: the member is taken for dead in time."""
        if self._member is not None:
            try:
                self._member.close()
            except Exception as error:
                self._log.warning("could not leave the group", error=reason(error))
            self._member = None

    def _prepare(self, message: Message) -> Job:
        try:
            received = decode(message.value, key=message.key, received_at=message.published_at)
        except BrokenEvent as error:
            return Job(message, None, error=error)
        return Job(message, received, self._consumer.handlers.get(received.event.type) if received.type else None)

    def _some(self, jobs: Sequence[Job]) -> int:
        """Deal with the first of the jobs, and with those after it that can share its transaction; how many."""
        if isinstance(jobs[0].handler, ActingTogether):
            return self._together(jobs[0].handler, jobs)
        if jobs[0].alone:
            self._alone(jobs[0])
            return 1
        tried = 0
        failed: Exception | None = None
        until = self._app.clock.monotonic() + SLICE_SECONDS
        try:
            with self._app.store.write() as tx:
                for job in jobs:
                    if job.alone or (tried and (self._stop.is_set() or self._app.clock.monotonic() > until)):
                        break
                    tried += 1
                    self._handle_in(tx, job)
        except Exception as error:
            if not tried or isinstance(error, ConfigurationError) or store_away(error):
                raise
            failed = error
        if failed is None:
            for job in jobs[:tried]:
                self._after.well(job)
        elif tried == 1:
            self._after.failed(jobs[0], failed)
        else:  # all of them are undone, and one of them is to blame: each by itself, then
            for job in jobs[:tried]:
                self._alone(job)
        return tried

    def _together(self, handler: ActingTogether, jobs: Sequence[Job]) -> int:
        """Deal with the first of the jobs and those after it that have the same handler; how many were looked at."""
        mine = list(takewhile(lambda job: job.handler is handler and job.received is not None, jobs))
        events = [job.received.event for job in mine if job.received is not None]
        try:
            outcomes = handler.act(events, self._pulse)
        except ConfigurationError:
            raise
        except Exception as error:
            outcomes = [error]
        failures = [outcome for outcome in outcomes if outcome is not None]
        if failures and (any(map(store_away, failures)) or self._store_is_away()):
            # However long it stays away, no event is to blame: none is committed, all of them come again.
            raise next(filter(store_away, failures), failures[0])
        for job, outcome in zip(mine, outcomes, strict=False):
            if outcome is None:
                self._after.well(job)
            elif isinstance(outcome, ConfigurationError):
                raise outcome
            else:
                self._after.failed(job, outcome)
        return len(outcomes)

    def _store_is_away(self) -> bool:
        try:
            with self._app.store.read() as tx:
                tx.inbox.seen(self._consumer.group, "", "")
        except Exception:
            return True
        return False

    def _pulse(self) -> None:
        """Long work: tell the log that this member lives."""
        if self._member is not None:
            self._member.keep_alive()

    def _alone(self, job: Job) -> None:
        if job.error is not None:
            self._after.buried(job, job.error)
            return
        try:
            if isinstance(job.handler, Acting):
                self._act(job, job.handler)
            else:
                with self._app.store.write() as tx:
                    self._handle_in(tx, job)
        except Exception as error:
            if isinstance(error, ConfigurationError) or store_away(error):
                raise
            if isinstance(job.handler, Acting) and self._store_is_away():
                raise
            self._after.failed(job, error)
        else:
            self._after.well(job)

    def _handle_in(self, tx: Transaction, job: Job) -> None:
        if job.received is None or job.handler is None or isinstance(job.handler, Acting | ActingTogether):
            return
        event = job.received.event
        with self._after.bound(event):
            if self._is_repeat(tx, job.message, event):
                return
            job.handler(tx, event)
            tx.inbox.remember(self._consumer.group, event.source, event.id, self._app.clock.now())

    def _act(self, job: Job, handler: Acting) -> None:
        assert job.received is not None  # noqa: S101 - for the type checker: a broken job never comes here
        event = job.received.event
        with self._after.bound(event):
            with self._app.store.read() as tx:
                if self._is_repeat(tx, job.message, event):
                    return
            handler.act(event)
            with self._app.store.write() as tx:
                tx.inbox.remember(self._consumer.group, event.source, event.id, self._app.clock.now())

    def _is_repeat(self, tx: Transaction, message: Message, event: CloudEvent) -> bool:
        if message.replayed and self._consumer.projection:
            return False
        if tx.inbox.seen(self._consumer.group, event.source, event.id):
            self._app.metrics.count("events_repeated", group=self._consumer.group)
            return True
        return False
