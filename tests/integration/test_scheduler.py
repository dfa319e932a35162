"""The scheduler as a door: several at once, stopped, and with a store that goes away and comes back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

import scheduler
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence
from tribune.domain.events import CloudEvent, EditionDue
from tribune.domain.schedule import Timing
from tribune.ports.clock import SystemClock
from tribune.services.events.event_codec import decode
from tribune.services.events.event_data import data_of

pytestmark = pytest.mark.waits

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("Africa/Dakar", "Europe/Paris", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia")

RACER = """
import sys
from datetime import datetime, timedelta
import scheduler
from tribune.bootstrap import Application
from tribune.config import Digest, Settings, Store
from tribune.ports.clock import StoppedClock

url, start, lag = sys.argv[1:]
clock = StoppedClock(datetime.fromisoformat(start) - timedelta(minutes=int(lag)))
digest = Digest(names={"en": "The letter"}, sender="letter@observatory.example")
app = Application(Settings(store=Store(url=url), digests={"letter": digest}), clock)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(24 * 4 * 3):
    clock.move(timedelta(minutes=15))
    scheduler.editions(app)
"""

DAKAR = Timing(Cadence.DAILY, 0, 8, "Africa/Dakar")


def told(app: Application) -> list[CloudEvent]:
    """All events of the topic: nothing is committed, so each call reads from the start."""
    consumer = app.log.consumer("test", ["mailings"])
    found = []
    while messages := consumer.poll(1000):
        found += [decode(m.value, key=m.key, received_at=app.clock.now()).event for m in messages]
    consumer.close()
    return found


def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_processes_whose_clocks_disagree_fire_each_occasion_once(app: Application) -> None:
    """Three days of ticks, raced through by schedulers with clocks that are apart; one is killed on the way."""
    start = app.clock.now()
    timings = [Timing(Cadence.DAILY, 0, hour, place) for place in PLACES for hour in range(0, 24, 5)]
    with app.store.write() as tx:
        tx.schedules.ensure_cohorts("letter", timings, start)
    url = app.settings.store.url
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, url, start.isoformat(), str(lag)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for lag in (0, 7, 45, 0)
    ]
    for racer in racers:
        assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    *racers, killed = racers
    until(lambda: told(app))
    killed.kill()
    killed.communicate()
    for racer in racers:
        racer.communicate(timeout=120)
        assert racer.returncode == 0
    events = told(app)
    assert len({event.id for event in events}) == len(events)
    fired = Counter(
        (due.occasion, cohort.hour, cohort.zone)
        for due in (data_of(event, EditionDue) for event in events)
        for cohort in due.cohorts
    )
    assert set(fired.values()) == {1}
    assert len(fired) == len(timings) * 3


def test_two_schedulers_of_one_process_fire_once(app: Application) -> None:
    due_at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    with app.store.write() as tx:
        tx.schedules.ensure_cohorts("letter", [DAKAR], due_at - timedelta(hours=1))
    app.clock = SystemClock(due_at - timedelta(seconds=1) - SystemClock().now())
    both = [scheduler.build(app), scheduler.build(app)]
    for one in both:
        one.start()
    try:
        until(lambda: told(app))
        time.sleep(2.5)
    finally:
        for one in both:
            one.stop()
    (event,) = told(app)
    assert data_of(event, EditionDue).due_at == due_at


def test_ticking_goes_on_when_the_store_comes_back(app: Application) -> None:
    due_at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    with app.store.write() as tx:
        tx.schedules.ensure_cohorts("letter", [DAKAR], due_at - timedelta(hours=1))
        tx.connection.execute(text("ALTER TABLE schedules RENAME TO away"))
    failures = Failures()
    app.metrics = failures
    app.clock = SystemClock(due_at - SystemClock().now())
    ticking = scheduler.build(app)
    ticking.start()
    try:
        until(lambda: failures.jobs["editions"])
        assert told(app) == []
        with app.store.write() as tx:
            tx.connection.execute(text("ALTER TABLE away RENAME TO schedules"))
        until(lambda: told(app))
    finally:
        ticking.stop()
    assert failures.jobs.keys() == {"editions"}


def test_after_a_stop_nothing_ticks(app: Application) -> None:
    due_at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    with app.store.write() as tx:
        tx.schedules.ensure_cohorts("letter", [DAKAR], due_at - timedelta(hours=1))
    app.clock = SystemClock(due_at - timedelta(seconds=2) - SystemClock().now())
    ticking = scheduler.build(app)
    ticking.start()
    ticking.stop()
    ticking.stop()
    time.sleep(2.5)
    assert told(app) == []
    assert scheduler.next_due(app) == due_at


def test_it_runs_alone_until_it_is_told_to_stop(app: Application) -> None:
    due_at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    with app.store.write() as tx:
        tx.schedules.ensure_cohorts("letter", [DAKAR], due_at - timedelta(hours=1))
    app.clock = SystemClock(due_at - SystemClock().now())
    stop = threading.Event()
    alone = threading.Thread(target=scheduler.run, args=(app, stop))
    alone.start()
    try:
        until(lambda: told(app))
    finally:
        stop.set()
        alone.join(15)
    assert not alone.is_alive()


class Failures:
    """Metrics that keep which jobs failed."""

    def __init__(self) -> None:
        self.jobs: Counter[str] = Counter()

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        if name == "scheduler_failures":
            self.jobs[labels["job"]] += int(by)

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...
