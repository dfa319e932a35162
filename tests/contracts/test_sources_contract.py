"""What producers remember: every store keeps this contract. `open_sources` gives a unit of work's area."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest

from tribune.bootstrap import Application
from tribune.ports.sources import RecordState, Sources, SourceState

Opener = Callable[[], AbstractContextManager[Sources]]


class SourcesContract:
    """The contract."""

    def test_a_source_never_pulled_has_an_empty_state(self, open_sources: Opener) -> None:
        with open_sources() as sources:
            assert sources.state("feeds/new") == SourceState("feeds/new")
            assert sources.records("feeds/new") == {}

    def test_a_state_is_written_over(self, open_sources: Opener) -> None:
        first = SourceState("b", '"e"', "Mon", "m", datetime(2026, 11, 23, 6, tzinfo=UTC), "2 events")
        with open_sources() as sources:
            sources.save_state(SourceState("b", mark="old"))
            sources.save_state(first)
            sources.save_state(SourceState("a"))
        with open_sources() as sources:
            assert sources.state("b") == first
            assert [state.source for state in sources.all_states()] == ["a", "b"]

    def test_records_are_of_one_source_and_written_over(self, open_sources: Opener) -> None:
        with open_sources() as sources:
            sources.save_records("a", [RecordState("r1", 1, "d1"), RecordState("r2", 1, "d2")])
            sources.save_records("b", [RecordState("r1", 9, "d9")])
            sources.save_records("a", [RecordState("r1", 2, "d3", withdrawn=True)])
            sources.save_records("a", [])
        with open_sources() as sources:
            assert sources.records("a") == {"r1": RecordState("r1", 2, "d3", True), "r2": RecordState("r2", 1, "d2")}
            assert sources.records("a", {"r2", "r3"}) == {"r2": RecordState("r2", 1, "d2")}
            assert sources.records("a", set()) == {}

    def test_thousands_of_records_are_found(self, open_sources: Opener) -> None:
        states = [RecordState(f"oai:r:{n}", 1, "d") for n in range(3000)]
        with open_sources() as sources:
            sources.save_records("a", states)
        with open_sources() as sources:
            assert len(sources.records("a")) == 3000
            assert len(sources.records("a", {state.record for state in states[:2500]} | {"other"})) == 2500

    def test_ids_are_told_apart_by_case_and_accent(self, open_sources: Opener) -> None:
        with open_sources() as sources:
            sources.save_records("a", [RecordState(id, 1, "d") for id in ("x", "X", "é", "e\u0301", "e")])
        with open_sources() as sources:
            assert len(sources.records("a")) == 5


class TestSqliteSources(SourcesContract):
    """The store on SQLite."""

    @pytest.fixture
    def open_sources(self, app: Application) -> Opener:
        @contextmanager
        def opened() -> Iterator[Sources]:
            with app.store.write() as tx:
                yield tx.sources

        return opened
