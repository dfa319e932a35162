"""1,000,000 subscribers on PostgreSQL: planning of an edition of 20 items, deliveries and marks committed, then its
ageing out.

The planner is a process of its own, so that its peak of memory is its own; `py-spy record -- python -m
bench.planning_pg plan URL FOLDER ITEMS DAY` shows where it spends its time. `python -m bench.planning_pg [PEOPLE]`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench.planning import START, ZONES, _peak, add_items
from bench.postgres_world import application, fill, server
from tribune.domain.events import CloudEvent, Cohort, EditionDue

PEOPLE = 1_000_000
ITEMS = (20, 20, 200)
"""An edition into an empty ledger, one into a ledger that holds another, and one of ten times as many items."""


def plan(url: str, folder: Path, items: int, day: int) -> None:
    """Release `items` and plan the edition of a day; prints its line."""
    from tribune.services.planning.plan_edition import plan_edition

    app = application(url, folder)
    add_items(app, items)
    now = START + timedelta(days=day)
    cohorts = tuple(Cohort(0, 8, zone) for zone in ZONES)
    edition = EditionDue("letter", "daily", now.date().isoformat(), now, cohorts)
    event = CloudEvent(f"bench{day}", "/bench", "edition.due", now, "letter/daily", {})
    before = _peak()
    began = time.perf_counter()
    own = time.process_time()
    with app.store.write() as tx:
        backend = tx.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        theirs = _cpu(backend)
        planned = plan_edition(tx, edition, event, app.digests, app.codelists, app.rules, now)
        made = time.perf_counter() - began
        theirs = _cpu(backend) - theirs
    own = time.process_time() - own
    took = time.perf_counter() - began
    print(
        f"planning, {items} items: {took:.2f} s (commit {took - made:.2f} s) for {planned.recipients:,} deliveries"
        f" ({planned.skipped_empty:,} people had nothing new, {planned.signatures:,} signatures,"
        f" {planned.chunks:,} chunks), peak {_peak()} MB ({before} MB before);"
        f" CPU: {own:.1f} s the planner, {theirs:.1f} s its database session",
        flush=True,
    )
    app.close()


def age(url: str, folder: Path) -> None:
    """Let the first edition age out, slice by slice; prints its line."""
    from tribune.services.sending.age_out import age_slice

    app = application(url, folder)
    later = START + timedelta(days=1_000)
    with app.store.write() as tx:
        first = tx.connection.exec_driver_sql("SELECT min(id) FROM mailings").scalar_one()
        tx.connection.exec_driver_sql(f"UPDATE mailings SET finished_at = planned_at WHERE id = {first}")
    slices: list[float] = []
    rows = 0
    while True:
        began = time.perf_counter()
        with app.store.write() as tx:
            done = age_slice(tx, later, later)
        if done is None:
            break
        slices.append(time.perf_counter() - began)
        rows += done.rows
    print(
        f"ageing: {rows:,} rows in {sum(slices):.2f} s, {len(slices)} slices, the longest {max(slices) * 1000:.0f} ms"
    )
    app.close()


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process on this machine has used so far."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def main(people: int) -> None:
    with tempfile.TemporaryDirectory() as folder, server() as running:
        began = time.perf_counter()
        app = application(running.url(), Path(folder))
        fill(app, Path(folder), people)
        app.close()
        print(f"{people:,} people in {time.perf_counter() - began:.0f} s", flush=True)
        for day, items in enumerate(ITEMS, start=1):
            arguments = ["plan", running.url(), folder, str(items), str(day)]
            subprocess.run([sys.executable, "-m", "bench.planning_pg", *arguments], check=True)
        age(running.url(), Path(folder))


if __name__ == "__main__":
    if len(sys.argv) == 6:
        plan(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) == 2 else PEOPLE)
