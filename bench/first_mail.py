"""From an event to the first mail, over the real engines: Kafka and PostgreSQL, each role a process, the system idle.

Items are published one by one into the outbox (nothing waits "at once"). What is measured: commit of the event ->
relay -> Kafka -> catalogue -> released -> relay -> Kafka -> edition -> ... -> chunk -> the mail at the sink, which
notes the moment before it answers. Run: python -m bench.first_mail [--embedded] [--events 100]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.crash.world import import_people
from tools.stack.__main__ import settings, wait_until_well
from tools.stack.engines import Embedded, Engines, Real
from tools.stack.workers import alike, answers, free_port, save_pid, stop_remembered, tribune
from tribune import config, logs
from tribune.bootstrap import Application
from tribune.domain.items import ItemRecord, LanguageVersion
from tribune.services.sources.publish_records import publish_records

PAUSE_SECONDS = 0.4
WARM = 5
"""Events before the measurement: processes read their templates and code when they are first needed."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.first_mail")
    parser.add_argument("--embedded", action="store_true", help="one SQLite file instead of Kafka and PostgreSQL")
    parser.add_argument("--events", type=int, default=100)
    told = parser.parse_args()
    logs.configure("error")
    with tempfile.TemporaryDirectory(prefix="tribune-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL, which does not run as root, must find its own folder in it
        engines: Engines = Embedded(folder) if told.embedded else Real(folder)
        engines.start()
        try:
            waits = sorted(_measure(folder, engines, told.events))
        finally:
            stop_remembered(folder)
            engines.stop()
    waits = [wait * 1000 for wait in waits]
    p99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    print(
        f"event to first mail on {engines.name}: p50 {statistics.median(waits):.0f} ms, p99 {p99:.0f} ms, "
        f"most {waits[-1]:.0f} ms ({len(waits)} events, one every {PAUSE_SECONDS} s)"
    )
    if len(waits) < told.events:
        sys.exit(f"only {len(waits)} of {told.events} mails came")


def _measure(folder: Path, engines: Engines, events: int) -> list[float]:
    sink, web = free_port(), free_port()
    mails = folder / "mails.tsv"
    toml = settings(folder, engines, sink, web, daily_cap=100_000)
    (folder / "tribune.toml").write_text(toml, encoding="utf-8")
    tribune(folder, "migrate")
    import_people(folder, 1)
    roles = {"consumers": 1, "senders": 1, "scheduler": 1} | ({} if engines.name == Embedded.name else {"relay": 1})
    workers = alike(roles, folder)
    _start_sink(folder, mails, sink)
    for worker in workers.values():
        worker.start()
    for worker in workers.values():
        wait_until_well(worker)
    app = Application(config.load(folder / "tribune.toml"))
    published: dict[str, float] = {}
    try:
        for number in range(WARM + events):
            mark = f"zq{number:05d}qz"
            record = ItemRecord(mark, "report", "en", (LanguageVersion("en", f"Item {mark}", "An abstract."),))
            with app.store.write() as tx:
                publish_records(tx, "bench", [record], app.clock.now())
            published[f"{number:05d}"] = time.monotonic()
            time.sleep(PAUSE_SECONDS if number >= WARM else 2)
    finally:
        app.close()
    until = time.monotonic() + 20
    arrived: dict[str, float] = {}
    while len(arrived) < len(published) and time.monotonic() < until:
        time.sleep(0.2)
        for line in mails.read_text(encoding="utf-8").splitlines():
            came, _, _, marks = line.split("\t")
            for mark in marks.split(","):
                arrived.setdefault(mark, float(came))
    return [arrived[mark] - began for mark, began in list(published.items())[WARM:] if mark in arrived]


def _start_sink(folder: Path, mails: Path, port: int) -> None:
    mails.touch()
    command = [sys.executable, "-m", "tools.crash.sink", str(mails), str(port)]
    process = subprocess.Popen(command, cwd=folder, env=_paths(), start_new_session=True)
    save_pid(folder, "sink", process.pid)
    while not answers(port):
        time.sleep(0.05)


def _paths() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}


if __name__ == "__main__":
    main()
