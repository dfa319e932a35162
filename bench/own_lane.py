"""A mail to one person while a campaign is being sent: how long it waits. Kafka, PostgreSQL, each role a process.

An edition is planned for many people; relay and two senders work on it, and beside them mails to single people
are asked for one by one, as a page does it. They have a lane of their own (docs/architecture.md). Run:

    python -m bench.own_lane [--people 1000000] [--asked 200] [--embedded]

Needs Postfix's smtp-sink. The campaign need not be finished; how fast it was sent meanwhile is told, too.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bench.notices import measure
from bench.sending import prepare
from tools.stack.__main__ import settings, start_sink, wait_until_well
from tools.stack.engines import Embedded, Engines, Real
from tools.stack.workers import alike, stop_remembered, tribune
from tribune import config, logs
from tribune.bootstrap import Application
from tribune.domain.mailings import DeliveryState
from tribune.ports.clock import SystemClock

PAUSE_SECONDS = 0.1


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.own_lane")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=200)
    parser.add_argument("--embedded", action="store_true", help="one SQLite file instead of Kafka and PostgreSQL")
    told = parser.parse_args()
    if not shutil.which("smtp-sink") and not shutil.which("smtp-sink", path="/usr/sbin"):
        sys.exit("smtp-sink is missing: it comes with Postfix.")
    logs.configure("error")
    with tempfile.TemporaryDirectory(prefix="tribune-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL, which does not run as root, must find its own folder in it
        (folder / "logs").mkdir()
        engines: Engines = Embedded(folder) if told.embedded else Real(folder)
        engines.start()
        try:
            return _measure(folder, engines, told.people, told.asked)
        finally:
            stop_remembered(folder)
            engines.stop()


def _measure(folder: Path, engines: Engines, people: int, asked: int) -> int:
    toml = settings(folder, engines, start_sink(folder), 80)
    toml = toml.replace('url = "postgresql', 'statement_timeout_seconds = 600\nurl = "postgresql')
    toml = toml.replace("[digests.letter]", "[digests.letter]\nmax_items = 5")
    (folder / "tribune.toml").write_text(toml, encoding="utf-8")
    tribune(folder, "migrate")
    app = Application(config.load(folder / "tribune.toml"), SystemClock())
    try:
        mailing = prepare(app, people)
        with app.store.write() as tx:
            tx.connection.execute(text("UPDATE counters SET value = :n WHERE name = 'people'"), {"n": people})
        roles = {"senders": 2} | ({} if engines.name == Embedded.name else {"relay": 1})
        workers = alike(roles, folder)
        for worker in workers.values():
            worker.start()
        for worker in workers.values():
            wait_until_well(worker)
        while not _sent(app, mailing):
            time.sleep(0.2)
        before, began = _sent(app, mailing), time.monotonic()
        print(f"{engines.name}, while an edition for {people:,} is being sent by two senders:")
        failed = measure(app, folder, asked, PAUSE_SECONDS, elsewhere=True)
        took, after = time.monotonic() - began, _sent(app, mailing)
        print(f"the campaign meanwhile: {(after - before) / took:,.0f} mails/s; {after:,} of {people:,} had been sent")
        if after >= people:
            print("it was over before the end: ask fewer, or plan for more people")
        return failed or int(after >= people)
    finally:
        app.close()


def _sent(app: Application, mailing: int) -> int:
    with app.store.read() as tx:
        return sum(of_locale.get(DeliveryState.SENT, 0) for of_locale in tx.ledger.progress(mailing).values())


if __name__ == "__main__":
    sys.exit(main())
