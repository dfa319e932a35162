"""Revisions are counted, published once, and written with their events in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests import outbox_log
from tribune.bootstrap import Application
from tribune.domain.errors import InvalidInput, SourceError
from tribune.domain.events import CloudEvent
from tribune.domain.items import DataSummary, ItemRecord, LanguageVersion, SessionInfo, Withdrawal
from tribune.ports.sources import RecordState, SourceState
from tribune.services.sources.publish_records import Told, events_for, publish_records
from tribune.services.sources.pull_sources import Reading, pull_source, pull_sources
from tribune.services.sources.pull_sources import Source as Listed

pytestmark = pytest.mark.both_stores

SOURCE = "feeds/test"


def item(record: str = "a", title: str = "A") -> ItemRecord:
    return ItemRecord(record, "report", "en", (LanguageVersion("en", title),))


def publish(app: Application, *told: Told) -> list[tuple[str, str, int]]:
    with app.store.write() as tx:
        events = publish_records(tx, SOURCE, told, app.clock.now())
    return [(event.type, event.key, event.revision) for event in events]


def logged(app: Application) -> list[CloudEvent]:
    return outbox_log.events(app, "publications")


def test_a_then_b_then_a_are_three_revisions(app: Application) -> None:
    assert publish(app, item(title="A")) == [("publication.published", "a", 1)]
    assert publish(app, item(title="A")) == []
    assert publish(app, item(title="B")) == [("publication.updated", "a", 2)]
    assert publish(app, item(title="A")) == [("publication.updated", "a", 3)]
    ids = [event.id for event in logged(app)]
    assert len(set(ids)) == 3


def test_withdrawals(app: Application) -> None:
    gone = Withdrawal("a", "deleted")
    assert publish(app, gone) == [], "nobody heard of it"
    publish(app, item())
    assert publish(app, gone) == [("publication.withdrawn", "a", 2)]
    assert publish(app, gone) == []
    assert publish(app, item()) == [("publication.published", "a", 3)], "it came back"


def test_a_record_that_is_no_longer_told_is_not_withdrawn(app: Application) -> None:
    publish(app, item("a"), item("b"))
    assert publish(app, item("b")) == []


def test_the_last_word_in_one_reading_counts(app: Application) -> None:
    assert publish(app, item(title="old"), item("b"), item(title="new")) == [
        ("publication.published", "a", 1),
        ("publication.published", "b", 1),
    ]
    assert publish(app, item(title="new")) == []


def test_sessions_and_data_have_their_own_types(app: Application) -> None:
    session = replace(
        item("s"), kind="session", session=SessionInfo(datetime.fromisoformat("2026-12-03T15:00"), "Africa/Dakar", 60)
    )
    later = replace(session, session=replace(session.session, minutes=90)) if session.session else session
    cancelled = replace(session, session=replace(session.session, cancelled=True)) if session.session else session
    assert publish(app, session) == [("session.scheduled", "s", 1)]
    assert publish(app, later) == [("session.updated", "s", 2)]
    assert publish(app, cancelled) == [("session.cancelled", "s", 3)]
    assert publish(app, cancelled) == []
    assert publish(app, later) == [("session.scheduled", "s", 4)]
    first = replace(item("d"), kind="data_release", data=DataSummary("D", first_load=True))
    assert publish(app, first) == [("data.released", "d", 1)]
    assert publish(app, replace(first, data=DataSummary("D", new_count=3))) == [("data.released", "d", 2)]
    assert publish(app, replace(first, data=DataSummary("D", revised_count=3))) == [("data.revised", "d", 3)]


class Memory:
    """Sources in memory, for the property."""

    def __init__(self) -> None:
        self.kept: dict[str, RecordState] = {}

    def state(self, source: str) -> SourceState:
        return SourceState(source)

    def save_state(self, state: SourceState) -> None: ...

    def all_states(self) -> list[SourceState]:
        return []

    def records(self, source: str, only: Collection[str] | None = None) -> dict[str, RecordState]:
        return self.kept

    def save_records(self, source: str, records: list[RecordState]) -> None:
        self.kept |= {state.record: state for state in records}


words = st.sampled_from(["A", "B", None])


@given(st.lists(st.lists(st.tuples(st.sampled_from("xyz"), words), max_size=4), max_size=8))
@hypothesis_settings(max_examples=100, deadline=None)
def test_whatever_is_told_repeats_give_nothing_and_revisions_rise_by_one(
    readings: list[list[tuple[str, str | None]]],
) -> None:
    memory = Memory()
    now = datetime.fromisoformat("2026-11-23T00:00:00+00:00")
    last: dict[str, int] = {}
    ids: set[str] = set()
    for reading in readings:
        told: list[Told] = [item(r, word) if word else Withdrawal(r) for r, word in reading]
        events, states = events_for(memory, SOURCE, told, now)
        memory.save_records(SOURCE, states)
        assert events_for(memory, SOURCE, told, now) == ([], [])
        for event in events:
            assert event.revision == last.get(event.key, 0) + 1
            last[event.key] = event.revision
            ids.add(event.id)
    assert len(ids) == sum(last.values())


class Source:
    """A source of prepared readings; `then` runs before the last is given."""

    name = SOURCE

    def __init__(self, *readings: Reading, then: Callable[[], None] = lambda: None) -> None:
        self._readings = readings
        self._then = then
        self.settled = 0

    def read(self, since: SourceState, now: datetime) -> Iterator[Reading]:
        yield from self._readings[:-1]
        self._then()
        yield from self._readings[-1:]

    def settle(self, states: Iterable[SourceState], now: datetime) -> None:
        self.settled += 1


def fail() -> None:
    raise SourceError("The connection failed.", where="x")


def refuse() -> Source:
    raise InvalidInput("'novel' is not a kind.")


def break_down() -> None:
    raise RuntimeError("a mistake of ours")


def test_a_pull_publishes_and_moves_the_mark(app: Application) -> None:
    source = Source(Reading((item(),), SourceState(SOURCE, etag="e", mark="m")))
    pull = pull_source(source, app.store, app.clock)
    assert (len(pull.events), pull.error, source.settled) == (1, None, 1)
    with app.store.read() as tx:
        state = tx.sources.state(SOURCE)
    assert (state.etag, state.mark, state.pulled_at, state.outcome) == ("e", "m", app.clock.now(), "1 event")
    assert pull_source(source, app.store, app.clock).events == ()
    assert len(logged(app)) == 1


def test_a_dry_run_writes_nothing(app: Application) -> None:
    pull = pull_source(Source(Reading((item(),), SourceState(SOURCE, mark="m"))), app.store, app.clock, dry_run=True)
    assert len(pull.events) == 1
    with app.store.read() as tx:
        assert tx.sources.all_states() == [] and tx.sources.records(SOURCE) == {}
    assert logged(app) == []


def test_one_source_in_trouble_does_not_stop_the_others(app: Application) -> None:
    bad = Source(Reading((item("b1"),)), Reading((item("b2"),), SourceState(SOURCE, mark="m")), then=fail)
    good = Source(Reading((item("g"),), SourceState(SOURCE, mark="good")))
    both = [Listed("bad", lambda: bad), Listed("wrong", refuse), Listed("good", lambda: good)]
    first, wrong, second = pull_sources(both, app.store, app.clock)
    assert (wrong.source, str(wrong.error)) == ("wrong", "'novel' is not a kind.")
    assert first.error is not None and "connection failed" in first.outcome
    assert [event.key for event in first.events] == ["b1"], "what was read before is published"
    assert [event.key for event in second.events] == ["g"]


def test_a_reader_that_breaks_is_the_trouble_of_its_source(app: Application) -> None:
    pull = pull_source(Source(Reading((item(),)), Reading(), then=break_down), app.store, app.clock)
    assert len(pull.events) == 1 and "RuntimeError: a mistake of ours" in str(pull.error)


def test_an_error_is_remembered_and_leaves_the_mark(app: Application) -> None:
    with app.store.write() as tx:
        tx.sources.save_state(SourceState(SOURCE, etag="e", mark="m"))
    pull_source(Source(Reading(), then=fail), app.store, app.clock)
    with app.store.read() as tx:
        state = tx.sources.state(SOURCE)
    assert (state.etag, state.mark) == ("e", "m")
    assert state.outcome.startswith("error: ")


def test_a_reading_is_void_when_another_process_moved_the_mark(app: Application) -> None:
    def other() -> None:
        with app.store.write() as tx:
            tx.sources.save_state(SourceState(SOURCE, mark="theirs"))

    source = Source(Reading((item(),), SourceState(SOURCE, mark="ours"), expects=""), then=other)
    pull = pull_source(source, app.store, app.clock)
    assert pull.error is not None and "Another process" in str(pull.error)
    with app.store.read() as tx:
        assert tx.sources.state(SOURCE).mark == "theirs"
    assert logged(app) == []


def test_a_crash_before_the_commit_loses_nothing_and_doubles_nothing(app: Application) -> None:
    class Crash(BaseException):
        pass

    with pytest.raises(Crash), app.store.write() as tx:
        publish_records(tx, SOURCE, [item("a"), item("b")], app.clock.now(), SourceState(SOURCE, mark="m"))
        raise Crash
    assert logged(app) == []
    with app.store.read() as tx:
        assert tx.sources.state(SOURCE).mark == "" and tx.sources.records(SOURCE) == {}
    assert publish(app, item("a"), item("b")) == [("publication.published", "a", 1), ("publication.published", "b", 1)]
    assert [event.key for event in sorted(logged(app), key=lambda e: e.key)] == ["a", "b"]
