"""1,000,000 subscribers on PostgreSQL (or with `sqlite`, on SQLite): a campaign tried and planned for segments of every
size, recipients and deliveries committed; with the peak of memory.

`python -m bench.campaigns [PEOPLE] [sqlite]`; TRIBUNE_BENCH_POSTGRES=FOLDER keeps the server's data for a next run.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import planning
from bench.planning import INVENTED, START, write_people
from bench.postgres_world import application, fill, server
from bench.segments import RULES, filled
from tribune.bootstrap import Application
from tribune.domain.campaigns import Draft, Message
from tribune.domain.errors import Conflict
from tribune.domain.segment_json import Known, read
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.campaigns.plan_campaign import Wanted, outline_campaign, plan_campaign
from tribune.services.segments.save_segment import Draft as SegmentDraft
from tribune.services.segments.save_segment import save_segment

PEOPLE = 1_000_000
NAMES = ("everyone", "reads Spanish", "follows Latin America, by name", "nested, seven conditions")


def measure(app: Application, name: str) -> None:
    """Try and plan a campaign for one segment; prints its line."""
    rule = read({"who": RULES[name]}, Known(app.codelists, app.digests))
    messages = tuple(Message(language, f"Subject in {language}", "A text.") for language in ("en", "fr", "es"))
    with app.store.write() as tx:
        segment = save_segment(tx, SegmentDraft(name, "", rule), "bench", START)
    wanted = Wanted(Draft(f"{name} {time.time()}", messages), segment.slug, "letter")
    told = (app.digests, app.codelists, app.rules)
    began = time.perf_counter()
    with app.store.read() as tx:
        numbers = outline_campaign(tx, wanted, *told, START).numbers
    tried = time.perf_counter() - began
    began = time.perf_counter()
    try:
        with app.store.write() as tx:
            plan_campaign(tx, wanted, *told, "bench", START)
        planned = f"planned in {time.perf_counter() - began:.1f} s"
    except Conflict as nobody:
        planned = nobody.what
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: {numbers.people:,} people, {numbers.recipients:,} get it; tried in {tried:.1f} s, {planned};"
        f" {peak:.0f} MB at most so far",
        flush=True,
    )


@contextmanager
def postgres(people: int, folder: Path) -> Iterator[Application]:
    with server() as running:
        app = application(running.url(), folder)
        if not filled(app):
            fill(app, folder, people)
        yield app
        app.close()


@contextmanager
def sqlite(people: int, folder: Path) -> Iterator[Application]:
    app = planning.application(folder)
    app.prepare()
    write_people(app, folder / "people.csv", people)
    import_subscribers(app.store, app.clock, folder / "people.csv", app.digests, app.codelists, basis=INVENTED)
    yield app
    app.close()


def main(people: int, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with (sqlite if kind == "sqlite" else postgres)(people, Path(folder)) as app:
            print(f"{people:,} people on {kind} in {time.perf_counter() - began:.0f} s", flush=True)
            for name in NAMES:
                measure(app, name)


if __name__ == "__main__":
    main(
        int(next((word for word in sys.argv[1:] if word.isdigit()), PEOPLE)),
        "sqlite" if "sqlite" in sys.argv else "PostgreSQL",
    )
