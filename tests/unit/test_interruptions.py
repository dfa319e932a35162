"""A group that is interrupted again and again is told, one that was interrupted once is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tribune.bootstrap import Application
from tribune.commands._house import _Process
from tribune.config import Settings
from tribune.interruptions import CALM_SECONDS, ROW, TOLD_SECONDS, Interruptions
from tribune.ports.clock import StoppedClock


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))


def interrupt(told: Interruptions, clock: StoppedClock, times: int) -> list[float]:
    waits = []
    for _ in range(times):
        waits.append(told.note("digests", ValueError("of a person"), clock.monotonic()))
        clock.move(timedelta(seconds=waits[-1]))
    return waits


def test_a_row_is_told_without_the_words_and_of_this_group_only(clock: StoppedClock) -> None:
    told = Interruptions(clock)
    assert interrupt(told, clock, ROW - 1) == [1, 2, 4]
    assert told.how_is("digests") == "ok"
    assert interrupt(told, clock, 3) == [8, 8, 8]
    assert told.how_is("digests") == "interrupted 6 times in a row (ValueError)"
    assert told.how_is("catalogue") == "ok"


def test_a_group_that_works_again_is_well(clock: StoppedClock) -> None:
    told = Interruptions(clock)
    interrupt(told, clock, ROW)
    clock.move(timedelta(seconds=TOLD_SECONDS + 1))
    assert told.how_is("digests") == "ok"
    since = clock.monotonic() - CALM_SECONDS - 1
    assert told.note("digests", ValueError(), since) == 1, "another row begins"
    assert told.how_is("digests") == "ok"


def test_health_tells_it_of_the_part(clock: StoppedClock, tmp_path: Path) -> None:
    app = Application(Settings.model_validate({"data_dir": tmp_path}), clock)
    process = _Process(app, {"consumer digests": lambda: None, "scheduler": lambda: None})
    process._prepared.set()

    class Lives:
        def is_alive(self) -> bool:
            return True

    process._threads = dict.fromkeys(process._threads, Lives())  # type: ignore[arg-type]
    assert process.health() == {"consumer digests": "ok", "scheduler": "ok"}
    interrupt(app.interruptions, clock, ROW)
    assert process.health() == {
        "consumer digests": f"interrupted {ROW} times in a row (ValueError)",
        "scheduler": "ok",
    }
