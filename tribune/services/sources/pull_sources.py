"""Pull sources: read each, publish what is new, remember how far we got. One source's trouble never stops another's."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from tribune.domain.errors import SourceError, TribuneError
from tribune.domain.events import CloudEvent
from tribune.ports.clock import Clock
from tribune.ports.sources import SourceState
from tribune.services.sources.plain_text import counted
from tribune.services.sources.publish_records import Told, events_for, publish_records

if TYPE_CHECKING:
    from tribune.ports.store import Store


@dataclass(frozen=True, slots=True)
class Reading:
    """Some of what a source says. `state` is its watermark once all of this is published (None: more is to come).

    `problems` are single records that could not be read, in plain words. With `expects` the reading was a comparison
    with an earlier mark: it is void if another process has moved the mark meanwhile.
    """

    told: tuple[Told, ...] = ()
    state: SourceState | None = None
    problems: tuple[str, ...] = ()
    expects: str | None = None


class Reader(Protocol):
    """Reads one source. `name` is the source attribute of its events."""

    @property
    def name(self) -> str: ...

    def read(self, since: SourceState, now: datetime) -> Iterator[Reading]:
        """What the source says since its watermark. Raises SourceError."""
        ...

    def settle(self, states: Iterable[SourceState], now: datetime) -> None:
        """Tidy up after a pull that was published; `states` are the watermarks of all sources."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A source to pull: its name, and what makes its reader. Raises TribuneError where settings or a file are wrong."""

    name: str
    reader: Callable[[], Reader]


@dataclass(frozen=True, slots=True)
class Pull:
    """How pulling a source went: the events published (or, in a dry run, that would be), problems, an error."""

    source: str
    events: tuple[CloudEvent, ...] = ()
    problems: tuple[str, ...] = ()
    error: TribuneError | None = None

    @property
    def outcome(self) -> str:
        """In one line, for staff."""
        if self.error:
            return f"error: {self.error}"
        said = counted(len(self.events), "event", "events")
        return said + (f", {counted(len(self.problems), 'problem', 'problems')}" if self.problems else "")


def pull_sources(sources: Iterable[Source], store: Store, clock: Clock, *, dry_run: bool = False) -> Iterator[Pull]:
    """Pull one source after the other. Only the house's own settings and the store itself can stop the round."""
    for source in sources:
        try:
            reader = source.reader()
        except TribuneError as error:
            yield _ended(Pull(source.name, error=error), store, clock.now(), dry_run=dry_run)
        else:
            yield pull_source(reader, store, clock, dry_run=dry_run)


def pull_source(reader: Reader, store: Store, clock: Clock, *, dry_run: bool = False) -> Pull:
    """Pull one source. The network is read outside any transaction; each reading is published in its own."""
    now = clock.now()
    with store.read() as tx:
        before = tx.sources.state(reader.name)
    events: list[CloudEvent] = []
    problems: list[str] = []
    error: TribuneError | None = None
    try:
        for reading in _readings(reader, before, now):
            problems += reading.problems
            events += _dry(reader, store, reading, now) if dry_run else _publish(reader, store, reading, now)
    except TribuneError as failed:
        error = failed
    pull = _ended(Pull(reader.name, tuple(events), tuple(problems), error), store, now, dry_run=dry_run)
    if not error and not dry_run:
        with store.read() as tx:
            states = tx.sources.all_states()
        reader.settle(states, now)
    return pull


def _readings(reader: Reader, before: SourceState, now: datetime) -> Iterator[Reading]:
    """What the reader reads. Whatever goes wrong in it is the trouble of this source alone."""
    try:
        yield from reader.read(before, now)
    except TribuneError:
        raise
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]  # no frames' values: they may hold what is nobody's business
        structlog.get_logger().error("source.broke", source=reader.name, at=f"{at.filename}:{at.lineno} in {at.name}")
        raise SourceError(
            f"It could not be read: {type(error).__name__}: {error}.",
            hint="The other sources go on. If it stays so, report it with the log.",
        ) from error


def _ended(pull: Pull, store: Store, now: datetime, *, dry_run: bool) -> Pull:
    """Log how it went and note it: the source is due again when its interval has passed, failed or not."""
    log = structlog.get_logger().bind(source=pull.source)
    for problem in pull.problems[:20]:
        log.warning("source.problem", problem=problem)
    if dry_run:
        return pull
    with store.write() as tx:
        # Whatever failed, the validators and the mark stay: the next pull begins where this one did.
        tx.sources.save_state(replace(tx.sources.state(pull.source), pulled_at=now, outcome=pull.outcome[:1000]))
    if pull.error:
        log.error("source.failed", error=str(pull.error))
    else:
        log.info("source.pulled", events=len(pull.events), problems=len(pull.problems))
    return pull


def _publish(reader: Reader, store: Store, reading: Reading, now: datetime) -> list[CloudEvent]:
    if not reading.told and reading.state is None:
        return []
    with store.write() as tx:
        if reading.expects is not None and tx.sources.state(reader.name).mark != reading.expects:
            raise SourceError("Another process pulled this source meanwhile.", where=reader.name, hint="Pull again.")
        return publish_records(tx, reader.name, reading.told, now, reading.state)


def _dry(reader: Reader, store: Store, reading: Reading, now: datetime) -> list[CloudEvent]:
    with store.read() as tx:
        return events_for(tx.sources, reader.name, reading.told, now)[0]
