"""Steps of the machine's clock neither stop the ticking nor flood it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from tribune.steady_jobs import SteadyJobs

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def jobs() -> Iterator[SteadyJobs]:
    """One job, each second, due next at noon."""
    store = SteadyJobs()
    scheduler = BackgroundScheduler(timezone=UTC, jobstores={"default": store})
    scheduler.start(paused=True)
    scheduler.add_job(print, "interval", seconds=1, id="tick", next_run_time=NOON)
    try:
        yield store
    finally:
        scheduler.shutdown()


def test_a_job_runs_when_it_is_due(jobs: SteadyJobs) -> None:
    assert jobs.get_due_jobs(NOON - SECOND) == []
    assert [job.id for job in jobs.get_due_jobs(NOON)] == ["tick"]


def test_a_clock_set_back_does_not_stop_it(jobs: SteadyJobs) -> None:
    back = NOON - timedelta(hours=2)
    (job,) = jobs.get_due_jobs(back)
    assert job.next_run_time == back
    assert jobs.get_next_run_time() == back


def test_a_clock_that_leaps_ahead_makes_one_run(jobs: SteadyJobs) -> None:
    ahead = NOON + timedelta(days=365)
    (job,) = jobs.get_due_jobs(ahead)
    assert job._get_run_times(ahead) == [ahead]  # what APScheduler lists of it before it runs it
