"""How fast the preference centre answers with a million people: server time of its pages, over a real PostgreSQL.

    python -m bench preferences [--people 1000000] [--rounds 300]

The pages are asked for through the whole application (routing, token, store, template), one after the other, each for
another person, so that nothing is in the caches but what a busy site has there too.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from starlette.testclient import TestClient

from bench import postgres_world
from tribune.services.notices.notice_links import DATA, mark_of
from web.app import create_app

GOAL_MS = 50.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=300)
    told = parser.parse_args()
    with postgres_world.server() as server, tempfile.TemporaryDirectory() as folder:
        app = postgres_world.application(server.url(), Path(folder))
        began = time.monotonic()
        postgres_world.fill(app, Path(folder), told.people)
        print(f"{told.people:,} people in {time.monotonic() - began:.0f} s")
        with TestClient(create_app(app), base_url="http://127.0.0.1:8080", client=("203.0.113.9", 4321)) as client:
            measure(app, client, told.people, told.rounds)
        app.close()


def measure(app: object, client: TestClient, people: int, rounds: int) -> None:
    """Ask for each page `rounds` times, each time as somebody else, and print the times."""
    dice = random.Random(7)
    links, signer, store, clock = app.reader_links, app.signer, app.store, app.clock  # type: ignore[attr-defined]

    def path(kind: str) -> str:
        made = links.links(dice.randint(1, people), "letter", 1)
        whole: str = made.preferences if kind == "p" else made.unsubscribe
        return re.sub(r"^https?://[^/]+", "", whole)

    def own() -> str:
        who = dice.randint(1, people)
        with store.read() as tx:
            person = tx.audience.one(who)
        mark = mark_of(signer, person.address)
        return f"/m/{signer.sign(DATA, who, 'letter', int(clock.now().timestamp()) + 3600, mark)}"

    def save(section: str, **told: str) -> object:
        return client.post(f"{path('p')}/{section}", data=told, follow_redirects=False)

    asked: dict[str, Callable[[], object]] = {
        "the first page": lambda: client.get(path("p")),
        "topics and countries": lambda: client.get(f"{path('p')}/topics"),
        "save topics": lambda: client.post(
            f"{path('p')}/topics", data={"topic": dice.choice(["wages", "skills"])}, follow_redirects=False
        ),
        "save languages": lambda: client.post(
            f"{path('p')}/languages", data={"language1": dice.choice(["en", "fr"])}, follow_redirects=False
        ),
        "pause": lambda: client.post(path("p"), data={"do": "pause", "until": "2026-12-24"}),
        "the unsubscribe page": lambda: client.get(path("u")),
        "what is one's own": lambda: client.get(own()),
        "delete me": lambda: client.post(f"{own()}/delete", data={"do": "delete"}),
    }
    for name, ask in asked.items():
        times = []
        for _ in range(rounds if name != "delete me" else 50):
            began = time.perf_counter()
            answer = ask()
            times.append((time.perf_counter() - began) * 1000)
            status = answer.status_code  # type: ignore[attr-defined]
            if status not in (200, 303, 404, 410):
                raise SystemExit(f"{name}: {status}")
        cut = statistics.quantiles(times[len(times) // 10 :], n=100)
        print(f"  {name:24} p50 {cut[49]:6.1f} ms  p95 {cut[94]:6.1f} ms  p99 {cut[98]:6.1f} ms", flush=True)


if __name__ == "__main__":
    main()
