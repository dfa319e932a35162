"""The embedded log under several real processes, some of which are killed, stopped or told to leave."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.integration.log_worker import SESSION_SECONDS, produce, released
from tests.stopping import stop_between_writes
from tests.waiting import until
from tribune.log.embedded import EmbeddedLog, EmbeddedOutbox
from tribune.ports.clock import SystemClock
from tribune.ports.log import TopicSpec
from tribune.services.events.event_codec import decode
from tribune.store.engine import SqlStore, open_engine
from tribune.store.migrate import migrate

pytestmark = pytest.mark.waits

EACH = 800
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/log.sqlite3"
    engine = open_engine(url)
    migrate(engine)
    EmbeddedLog(engine, SystemClock()).create_topics([TopicSpec("catalogue", 4)])
    engine.dispose()
    return url


@pytest.fixture
def log(url: str) -> EmbeddedLog:
    return EmbeddedLog(open_engine(url), SystemClock(), session_seconds=SESSION_SECONDS)


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(role: str, *rest: object) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "tests.integration.log_worker", role, url, *map(str, rest)]
        started.append(subprocess.Popen(words, cwd=ROOT))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def notes(*paths: Path) -> list[list[Any]]:
    """The whole lines that consumers wrote; the last line of a killed one may be cut."""
    found = []
    for path in paths:
        whole = path.read_text(encoding="utf-8").rpartition("\n")[0] if path.exists() else ""
        found += [json.loads(line) for line in whole.splitlines()]
    return found


def behind(log: EmbeddedLog, group: str = "group") -> int:
    lags = log.lag(group)
    return sum(lag.behind for lag in lags) if lags else 1


def test_four_producers_two_consumers_one_killed_nothing_lost(log: EmbeddedLog, start: Start, tmp_path: Path) -> None:
    paths = [tmp_path / "one", tmp_path / "two", tmp_path / "heir"]
    victim, _ = (start("consume", path) for path in paths[:2])
    until(lambda: len({lag.group for lag in log.lag()}) == 1)
    producers = [start("produce", f"producer-{name}", EACH) for name in range(4)]
    until(lambda: len(notes(paths[0])) > 50)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    start("consume", paths[2])
    for producer in producers:
        assert producer.wait(60) == 0
    until(lambda: behind(log) == 0)

    first_seen = defaultdict(list)
    partitions = defaultdict(set)
    for key, number, partition, _delay in (line for path in paths for line in notes(path) if len(line) == 4):
        partitions[key].add(partition)
        first_seen[key].append(number)
    assert len(first_seen) == 16 and all(len(found) == 1 for found in partitions.values())
    for key, numbers in first_seen.items():
        assert set(numbers) == set(range(EACH // 4)), f"{key} lost something"
    for path in paths:  # within one consumer's life a key goes forward only
        by_key = defaultdict(list)
        for key, number, *_ in (line for line in notes(path) if len(line) == 4):
            by_key[key].append(number)
        assert all(numbers == sorted(numbers) for numbers in by_key.values())


def test_a_loop_that_is_killed_again_and_again_acts_once_on_each_event(
    log: EmbeddedLog, url: str, start: Start, tmp_path: Path
) -> None:
    produce(url, "p", 1200)
    path = tmp_path / "calls"
    for _ in range(4):
        before = path.stat().st_size if path.exists() else 0
        victim = start("loop", path)
        until(lambda before=before: path.exists() and path.stat().st_size > before)  # type: ignore[misc]
        time.sleep(0.05)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    start("loop", path)
    until(lambda: behind(log, "withdrawers") == 0)

    reader = log.consumer("reader", ["catalogue"])
    withdrawn = []
    while messages := reader.poll(500, timeout=1.0):
        for message in messages:
            event = decode(message.value, key=message.key, received_at=message.published_at).event
            if event.type == "item.withdrawn":
                withdrawn.append((event.key, event.data["item"]))
    reader.close()
    assert len(withdrawn) == len(set(withdrawn)) == 1200


def test_a_stalled_consumer_is_fenced_and_works_on_when_it_wakes(
    log: EmbeddedLog, url: str, start: Start, tmp_path: Path
) -> None:
    stalled, path, heir = start("consume", tmp_path / "stalled"), tmp_path / "stalled", tmp_path / "heir"
    log.publish("catalogue", [released(f"k{n}", 0) for n in range(40)])
    until(lambda: len(notes(path)) == 40)
    stop_between_writes(stalled.pid)
    try:
        log.publish("catalogue", [released(f"k{n}", 1) for n in range(40)])
        start("consume", heir)
        until(lambda: len(notes(heir)) >= 40)  # it has everything now: the other is taken for dead
        until(lambda: behind(log) == 0)
    finally:
        stalled.send_signal(signal.SIGCONT)
    for number in range(2, 6):
        log.publish("catalogue", [released(f"k{n}", number) for n in range(40)])
        until(lambda: behind(log) == 0)
        time.sleep(0.4)
    assert {tuple(line[:2]) for line in notes(path, heir) if len(line) == 4} == {
        (f"k{n}", number) for n in range(40) for number in range(6)
    }
    assert any(line[1] >= 2 for line in notes(path) if len(line) == 4)  # it has its share again


def test_a_consumer_that_is_told_to_leave_hands_over_at_once(log: EmbeddedLog, start: Start, tmp_path: Path) -> None:
    leaver = start("consume", tmp_path / "leaver")
    log.publish("catalogue", [released(f"k{n}", 0) for n in range(40)])
    until(lambda: len(notes(tmp_path / "leaver")) == 40)
    leaver.send_signal(signal.SIGTERM)
    assert leaver.wait(5) == 0
    assert behind(log) == 0
    log.publish("catalogue", [released(f"k{n}", 1) for n in range(40)])
    heir = log.consumer("group", ["catalogue"])
    assert len(heir.poll(100, timeout=SESSION_SECONDS / 3)) == 40
    heir.close()


def test_a_waiting_consumer_sees_a_commit_within_milliseconds(
    log: EmbeddedLog, url: str, start: Start, tmp_path: Path
) -> None:
    path = tmp_path / "waiting"
    process = start("consume", path)
    log.publish("catalogue", [released("warm", 0)])
    until(lambda: len(notes(path)) == 1)
    store = SqlStore(open_engine(url), SystemClock(), EmbeddedOutbox)
    used = _cpu_seconds(process.pid)
    began = time.monotonic()
    for number in range(40):
        with store.write() as tx:
            tx.outbox.add(released("key", number))
        time.sleep(0.05)
    until(lambda: len(notes(path)) == 41)
    delays = [line[3] for line in notes(path)[1:]]
    assert statistics.median(delays) < 0.2, delays
    assert (_cpu_seconds(process.pid) - used) / (time.monotonic() - began) < 0.5


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
