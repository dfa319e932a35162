"""The embedded log: events appended and read a second, one commit at a time and in batches, and how soon a
waiting process sees a commit."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from consumers.loop import Consumer, Member
from tribune.bootstrap import Application
from tribune.config import Settings, Store
from tribune.domain.events import CloudEvent, ItemReleased
from tribune.ports.log import TopicSpec
from tribune.services.events.event_codec import new_event
from tribune.store.migrate import migrate

COUNT = 50_000
BATCH = 1_000
SINGLE = 300


def event(number: int) -> CloudEvent:
    data = ItemReleased(number, "en", number)
    return new_event(
        "item.released", data, source="/bench", key=f"item-{number % 999}", revision=number + 1, time=now()
    )


def now() -> datetime:
    return datetime.now(UTC)


def house(folder: Path) -> Application:
    app = Application(Settings(store=Store(url=f"sqlite:///{folder}/bench.sqlite3")))
    migrate(app.store.engine)
    app.log.create_topics([TopicSpec("catalogue")])
    return app


def line(what: str, count: int, seconds: float) -> None:
    print(f"{what:58} {count / seconds:>10,.0f} /s")


def main() -> None:
    if sys.argv[1:2] == ["watch"]:
        watch(Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        app = house(Path(folder))
        events = [event(number) for number in range(COUNT)]

        began = time.perf_counter()
        for start in range(0, COUNT, BATCH):
            app.log.publish("catalogue", events[start : start + BATCH])
        line(f"append, {BATCH:,} a commit", COUNT, time.perf_counter() - began)

        began = time.perf_counter()
        with app.store.write() as tx:
            for one in events[:10_000]:
                tx.outbox.add(one)
        line("outbox, one by one in one transaction", 10_000, time.perf_counter() - began)

        member = app.log.consumer("reader", ["catalogue"])
        member.poll(1)
        began = time.perf_counter()
        for one in events[:SINGLE]:
            app.log.publish("catalogue", [one])
        line("append, one a commit (durable)", SINGLE, time.perf_counter() - began)

        began = time.perf_counter()
        read = 0
        while messages := member.poll(BATCH):
            read += len(messages)
            member.commit([message.position for message in messages])
        line(f"read, {BATCH:,} a poll, each committed", read, time.perf_counter() - began)
        member.close()

        handled = 0
        loop = Member(
            Consumer("loop", ("catalogue",), {"item.released": lambda tx, event: None}), app, threading.Event()
        )
        began = time.perf_counter()
        while handled < 10_000:
            handled += loop.step(0)
        line("through the loop: decoded, inbox, handled, committed", handled, time.perf_counter() - began)
        loop.close()
        app.close()
    with tempfile.TemporaryDirectory() as folder:
        latency(Path(folder))


def latency(folder: Path) -> None:
    """Commit in this process, poll in another."""
    app = house(folder)
    watcher = subprocess.Popen(
        [sys.executable, "-m", "bench.events", "watch", str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert watcher.stdout is not None
    idle = float(watcher.stdout.readline())
    for number in range(200):
        with app.store.write() as tx:
            tx.outbox.add(event(number))
        time.sleep(0.013)
    told, _ = watcher.communicate(timeout=60)
    delays = sorted(map(float, told.split()))
    p50, p99 = statistics.median(delays), delays[int(len(delays) * 0.99)]
    print(f"{'from the append to the poll of another process, p50, p99':58} {p50:>6.1f} ms {p99:.1f} ms")
    print(f"{'processor of a process that waits':58} {idle:>10.1%}")
    app.close()


def watch(folder: Path) -> None:
    """Print the share of the processor while idle; then wait for 200 events and print the delays in ms."""
    app = Application(Settings(store=Store(url=f"sqlite:///{folder}/bench.sqlite3")))
    member = app.log.consumer("watcher", ["catalogue"])
    member.poll()
    used, began = time.process_time(), time.perf_counter()
    member.poll(timeout=2.0)
    print((time.process_time() - used) / (time.perf_counter() - began), flush=True)
    told: list[str] = []
    while len(told) < 200:
        for message in member.poll(timeout=5):
            told.append(f"{(now() - message.published_at).total_seconds() * 1000:.2f}")
    member.close()
    print(*told)


if __name__ == "__main__":
    main()
