"""What files of imports leave behind: nothing stays for good that no job knows."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.newsroom import staff_browser
from tribune.bootstrap import Application
from tribune.services.imports.plan_import import add_import
from tribune.services.imports.remove_imports import remove_old_imports

KEEP = timedelta(days=7)


def left_behind(app: Application, *, age: timedelta, report: bool = False) -> Path:
    """A file as a process that was killed leaves it: without a job."""
    id, file = app.import_files.create()
    with file:
        file.write(b"address\nada@example.org\n")
    path = app.import_files.report(id) if report else app.import_files.file(id)
    app.import_files.file(id).rename(path)
    aged(app, path, age)
    return path


def aged(app: Application, path: Path, age: timedelta) -> None:
    then = (app.clock.now() - age).timestamp()
    os.utime(path, (then, then))


def brought(app: Application, at: datetime, *, here: bool = True) -> str:
    """A job, and its file on this machine or on another."""
    id, file = app.import_files.create()
    file.close()
    if not here:
        app.import_files.remove(id)
    with app.store.write() as tx:
        add_import(tx, id, "people.csv", 0, "staff/1", at)
    return id


@pytest.mark.both_stores
def test_a_file_without_a_job_goes_after_a_day(app: Application) -> None:
    young = left_behind(app, age=timedelta(hours=23))
    for report in (False, True):
        assert left_behind(app, age=timedelta(hours=25), report=report).exists()
    now = app.clock.now()
    kept = brought(app, now - timedelta(days=2))
    aged(app, app.import_files.file(kept), timedelta(days=2))
    assert remove_old_imports(app.store, app.import_files, KEEP, now) == 2
    there = {path.name for path in young.parent.iterdir()}
    assert there == {young.name, f"{kept}.csv"}


@pytest.mark.both_stores
def test_what_a_late_worker_writes_for_a_job_that_was_removed_goes_too(app: Application) -> None:
    now = app.clock.now()
    id = brought(app, now - timedelta(days=2))
    with app.store.write() as tx:
        tx.imports.remove(id, now)
    app.import_files.file(id).rename(app.import_files.report(id))
    aged(app, app.import_files.report(id), timedelta(days=2))
    assert remove_old_imports(app.store, app.import_files, KEEP, now) == 1
    assert not app.import_files.holds(id)


@pytest.mark.both_stores
def test_jobs_of_another_machine_do_not_keep_files_of_this_one(app: Application) -> None:
    now = app.clock.now()
    for _ in range(110):
        brought(app, now - timedelta(days=30), here=False)
    mine = brought(app, now - timedelta(days=8))
    assert remove_old_imports(app.store, app.import_files, KEEP, now) == 1
    assert not app.import_files.holds(mine)
    with app.store.read() as tx:
        job = tx.imports.one(mine)
    assert job is not None
    assert job.removed_at == now


def test_an_upload_that_cannot_be_noted_is_not_kept(app: Application) -> None:
    browser = staff_browser(app, raise_server_exceptions=False)
    with app.store.write() as tx:
        tx.connection.execute(text("ALTER TABLE imports RENAME TO imports_elsewhere"))
    file = {"file": ("people.csv", b"address\nada@example.org\n", "text/csv")}
    assert browser.post("/en/newsroom/imports", files=file).status_code >= 500
    assert app.import_files.here() == []


def test_the_clock_of_files_is_that_of_the_house(app: Application) -> None:
    """Else the age of a file would mean nothing."""
    id, file = app.import_files.create()
    file.close()
    age = datetime.now(UTC) - app.import_files.there()[id]
    assert abs(age) < timedelta(minutes=1)
