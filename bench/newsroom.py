"""The newsroom's pages over 100,000 subscribers and a mailing to most of them: how long the server takes, one request
at a time, and what a page weighs.

`python -m bench.newsroom [PEOPLE]`, on SQLite with the embedded log. Fails where a page takes more than 50 ms (p95).
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from starlette.testclient import TestClient

from bench.planning import INVENTED, START, add_items, application, write_people
from tribune.bootstrap import Application
from tribune.domain.events import CloudEvent, Cohort, EditionDue
from tribune.domain.staff import Role
from tribune.domain.staff_members import Way
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.planning.plan_edition import plan_edition
from tribune.services.staff.sessions import Browser, open_session

PEOPLE, TIMES, FLOOR_MS = 100_000, 60, 50.0
ZONES = ("Africa/Dakar", "Africa/Abidjan", "Europe/London", "Africa/Accra")


def fill(app: Application, folder: Path, people: int) -> None:
    """Subscribers, twenty items, an edition of them planned."""
    file = folder / "people.csv"
    write_people(app, file, people)
    import_subscribers(app.store, app.clock, file, app.digests, app.codelists, basis=INVENTED)
    add_items(app, 20)
    edition = EditionDue("letter", "daily", "2026-11-23", START, tuple(Cohort(0, 8, zone) for zone in ZONES))
    with app.store.write() as tx:
        event = CloudEvent("bench", "/bench", "edition.due", START, "letter/daily", {})
        plan_edition(tx, edition, event, app.digests, app.codelists, app.rules, START)


def browser(app: Application) -> TestClient:
    """Somebody with every right, signed in."""
    from web.app import create_app

    client = TestClient(create_app(app), base_url="http://127.0.0.1:8080", client=("127.0.0.1", 4321))
    with app.store.write() as tx:
        ada = tx.staff.add("ada@observatory.example", "Ada Example", "en", (Role.ADMINISTRATOR,), app.clock.now())
        signed_in = open_session(
            tx, ada, Way.PASSWORD, Browser("Bench", "192.0.2.0/24"), app.session_rules, app.clock.now()
        )
    client.cookies.set("tribune-session", signed_in.token)
    return client


def main(people: int) -> int:
    slow = 0
    with tempfile.TemporaryDirectory(prefix="tribune-bench-") as name:
        folder = Path(name)
        app = application(folder)
        app.prepare()
        began = time.perf_counter()
        fill(app, folder, people)
        print(f"{people:,} people in {time.perf_counter() - began:.0f} s")
        client, dice = browser(app), random.Random(5)
        home = "/en/newsroom"
        pages = {
            "today": [f"{home}/"],
            "people": [f"{home}/people"],
            "one person": [f"{home}/people/{dice.randint(1, people)}" for _ in range(20)],
            "a person's change": [f"{home}/people/{dice.randint(1, people)}/change" for _ in range(20)],
            "mailings": [f"{home}/mailings"],
            "a mailing": [f"{home}/mailings/1"],
            "items": [f"{home}/items", f"{home}/items?q=title"],
            "an item": [f"{home}/items/{number}" for number in range(1, 20)],
            "events": [f"{home}/events"],
            "segments": [f"{home}/segments"],
            "the builder": [f"{home}/segments/new"],
            "suppressions": [f"{home}/suppressions"],
            "imports": [f"{home}/imports"],
            "staff": [f"{home}/staff"],
            "audit log": [f"{home}/audit"],
            "dead letters": [f"{home}/dead-letters"],
        }
        for what, paths in pages.items():
            took, size = [], 0
            for turn in range(TIMES + len(paths)):
                start = time.perf_counter()
                answer = client.get(paths[turn % len(paths)])
                spent = (time.perf_counter() - start) * 1000
                if answer.status_code != 200:
                    raise SystemExit(f"{paths[turn % len(paths)]}: {answer.status_code}")
                if turn >= len(paths):
                    took.append(spent)
                    size = max(size, len(answer.content))
            took.sort()
            p95 = took[int(len(took) * 0.95) - 1]
            slow += p95 > FLOOR_MS
            print(f"{what:18} p50 {took[len(took) // 2]:6.1f} ms  p95 {p95:6.1f} ms  {size / 1000:6.1f} kB", flush=True)
        app.close()
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) == 2 else PEOPLE))
