"""A large import holds up nobody for long: a transaction of it changes a bounded number of people, and between two of
them everybody else may write."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, select, true

from tests.import_world import BASIS, counts
from tribune.bootstrap import Application
from tribune.domain.imports import Import
from tribune.ports.store import Transaction
from tribune.services.audience import import_subscribers as importing
from tribune.services.audience.import_report import Report
from tribune.services.audience.import_subscribers import (
    MOST_AT_ONCE,
    MOST_CHANGED_AT_ONCE,
    import_subscribers,
)
from tribune.store.sqlite import ASK_AGAIN_SECONDS
from tribune.store.tables import rhythms

pytestmark = pytest.mark.both_stores

AS_THEY_ARE = MOST_AT_ONCE - 100
CHANGING = 2 * MOST_CHANGED_AT_ONCE + 200
EVERYBODY = AS_THEY_ARE + CHANGING


def file_of(tmp_path: Path, hour: int) -> Path:
    """Everybody at eight, but the last ones at this hour, and a row that is refused."""
    file = tmp_path / "people.csv"
    hours = [8] * AS_THEY_ARE + [hour] * CHANGING
    rows = [f"p{n}@example.org,en,UTC,daily,{hour}" for n, hour in enumerate(hours)]
    rows.insert(MOST_AT_ONCE, "nobody,en,UTC,daily,8")
    file.write_text("\n".join(["address,languages,zone,cadence,hour", *rows]), encoding="utf-8")
    return file


def take(app: Application, file: Path, where: ColumnElement[bool], **more: Any) -> tuple[Import, list[int]]:
    """Import the file: what came of it, and how many more rhythms are so in each transaction than before it."""
    counting = select(func.count()).select_from(rhythms).where(where)
    changed = []

    def settled(tx: Transaction, done: Import, length: int) -> None:
        within = tx.connection.scalar(counting)  # type: ignore[attr-defined]
        with app.store.read() as outside:
            changed.append(within - (outside.connection.scalar(counting) or 0))

    house = app.store, app.clock, file, app.digests, app.codelists
    return import_subscribers(*house, basis=BASIS, settled=settled, **more), changed


def test_a_transaction_changes_no_more_people_than_others_can_wait_for(app: Application, tmp_path: Path) -> None:
    done, added = take(app, file_of(tmp_path, 8), true())
    assert counts(done) == (EVERYBODY, 0, 0, 1)
    assert max(added) <= MOST_AT_ONCE and sum(added) == EVERYBODY
    with Report(tmp_path / "report.csv") as report:
        done, changed = take(app, file_of(tmp_path, 11), rhythms.c.hour == 11, report=report)
    assert counts(done) == (0, CHANGING, AS_THEY_ARE, 1)
    assert (done.rows, done.place) == (EVERYBODY + 1, EVERYBODY + 1)
    assert max(changed) <= MOST_CHANGED_AT_ONCE and sum(changed) == CHANGING
    lines = (tmp_path / "report.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
    assert [int(line.partition(",")[0]) for line in lines] == list(range(2, EVERYBODY + 3)), "none twice, none left out"


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_dry_run_says_the_same_whatever_the_bounds(
    app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(f"{__name__}.AS_THEY_ARE", 7)
    monkeypatch.setattr(f"{__name__}.CHANGING", 6)
    monkeypatch.setattr(f"{__name__}.MOST_AT_ONCE", 3)
    monkeypatch.setattr(importing, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(importing, "READ_AT_ONCE", 9)
    monkeypatch.setattr(importing, "MOST_CHANGED_AT_ONCE", most)
    take(app, file_of(tmp_path, 8), true())
    told, _ = take(app, file_of(tmp_path, 11), rhythms.c.hour == 11, dry_run=True)
    done, changed = take(app, file_of(tmp_path, 11), rhythms.c.hour == 11)
    assert counts(told) == counts(done) == (0, 6, 7, 1)
    assert told.place == done.place == 14
    assert max(changed) <= most


@pytest.mark.embedded_only  # elsewhere those who wait stand in a queue
def test_where_a_write_has_the_whole_store_others_write_between_two_slices(
    app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_AT_ONCE", 500)
    done: list[float] = []

    def meanwhile(seconds: float) -> None:
        with app.store.write() as tx:
            tx.schedules.ensure_cohorts("letter", set(), app.clock.now())
        done.append(seconds)

    monkeypatch.setattr("tribune.services.audience.import_subscribers.time.sleep", meanwhile)
    _, added = take(app, file_of(tmp_path, 8), true())
    assert len(done) == len(added) > 5
    assert min(done) >= 2 * ASK_AGAIN_SECONDS


def test_slices_of_people_who_change_leave_nothing_behind(
    app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector of cycles rests while a file is imported: what each of thousands of slices left would add up."""
    monkeypatch.setattr(importing, "MOST_CHANGED_AT_ONCE", 10)
    take(app, file_of(tmp_path, 8), true())
    gc.collect()
    _, changed = take(app, file_of(tmp_path, 11), rhythms.c.hour == 11)
    assert len(changed) >= CHANGING / 10
    assert gc.collect() < 5 * len(changed)
