"""From an event to a mail: how long an "at once" subscriber waits beyond the agreed window.

All in one process, as `tribune up` runs it.

Publishes items one by one into a running house (window set to 0 minutes) and looks when each mail has appeared in the
outbox folder. What is measured: commit of the event -> catalogue -> window -> tick -> plan -> chunk -> mail on disk.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import scheduler
from bench.planning import INVENTED
from consumers import all_consumers
from consumers.loop import run
from tribune import logs
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.domain.items import ItemRecord, LanguageVersion
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.sources.publish_records import publish_records

EVENTS = 60
PAUSE_SECONDS = 0.4

SUBSCRIBER = """address,name,group,languages,zone,fallback,digest,cadence
r@x.example,R,other,fr,UTC,source,letter,at_once
"""


def main() -> None:
    logs.configure("error")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = Application(settings(folder))
        app.prepare()
        people = folder / "people.csv"
        people.write_text(SUBSCRIBER, encoding="utf-8")
        import_subscribers(app.store, app.clock, people, app.digests, app.codelists, basis=INVENTED)
        waits = sorted(measure(app, folder / "outbox"))
        p99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"event to mail, at once: p50 {statistics.median(waits):.2f} s, p99 {p99:.2f} s "
            f"({len(waits)} events, one every {PAUSE_SECONDS} s; the scheduler ticks each {scheduler.TICK_SECONDS} s); "
            f"peak memory {peak:.0f} MB"
        )
        if len(waits) < EVENTS:
            sys.exit(f"only {len(waits)} of {EVENTS} mails came")


def settings(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": folder,
            "store": {"url": f"sqlite:///{folder / 'tribune.sqlite3'}"},
            "email": {"outbox_folder": folder / "outbox"},
            "digests": {"letter": {"names": {"en": "Letter"}, "sender": "letter@x.example"}},
            "planning": {"at_once_wait_minutes": 0, "at_once_daily_cap": 100_000},
        }
    )


def measure(app: Application, outbox: Path) -> list[float]:
    """Seconds from each event's commit to its mail."""
    stop = threading.Event()
    threads = [threading.Thread(target=run, args=(consumer, app, stop)) for consumer in all_consumers(app)]
    for thread in threads:
        thread.start()
    ticking = scheduler.build(app)
    ticking.start()
    published: dict[str, float] = {}
    try:
        for number in range(EVENTS):
            title = f"Item-{number:05}-"
            version = LanguageVersion("fr", title, "Un résumé.")
            with app.store.write() as tx:
                publish_records(tx, "bench", [ItemRecord(title, "report", "fr", (version,))], app.clock.now())
            published[title] = time.time()
            time.sleep(PAUSE_SECONDS)
        arrived: dict[str, float] = {}
        until = time.time() + 15
        while len(arrived) < EVENTS and time.time() < until:
            for mail in outbox.rglob("*.eml"):
                text, came = mail.read_text(encoding="utf-8"), mail.stat().st_mtime
                for title in published:
                    if title in text:
                        arrived[title] = min(came, arrived.get(title, came))
            time.sleep(0.2)
        return [arrived[title] - began for title, began in published.items() if title in arrived]
    finally:
        stop.set()
        ticking.stop()
        for thread in threads:
            thread.join()
        app.close()


if __name__ == "__main__":
    main()
