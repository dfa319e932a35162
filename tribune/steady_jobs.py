"""APScheduler's jobs in memory, made steady against steps of the machine's clock. Imported lazily."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apscheduler.jobstores.memory import MemoryJobStore


class SteadyJobs(MemoryJobStore):  # type: ignore[misc]  # APScheduler ships no types
    """Interval jobs whose next run is never more than one interval away.

    Left alone, a clock that is set back two hours stops the ticking for two hours, and one that leaps ahead a year
    makes APScheduler list each of 31 million missed runs before it makes one.
    """

    def get_due_jobs(self, now: datetime) -> list[Any]:
        """Jobs to run now, in the order in which they are due."""
        for job in self.get_all_jobs():
            if job.next_run_time is not None and abs(job.next_run_time - now) > job.trigger.interval:
                job.next_run_time = now
                self.update_job(job)
        due: list[Any] = super().get_due_jobs(now)
        return due
