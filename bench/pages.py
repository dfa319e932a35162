"""The public pages over 20,000 items: how long the server takes (wall clock; its own processor time), and their size.

`python -m bench.pages [ITEMS] [--postgres]`. The site is asked in memory, one request at a time. The pages read the
catalogue only: how many subscribers there are does not matter to them.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert
from starlette.testclient import TestClient

from tribune.bootstrap import Application
from tribune.config import Digest, Settings, Store
from tribune.domain.archive import Order, Reading
from tribune.domain.items import DataSummary, Observation, Release
from tribune.domain.items import LanguageVersion as Version
from tribune.domain.merging import Content
from tribune.ports.clock import StoppedClock
from tribune.services.archive.own_feed import FEED
from tribune.store.tables import editions, mailings

ITEMS = 20_000
TIMES = 60
END = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
WORDS = [
    *("employment", "wages", "skills", "informal", "economy", "social", "protection", "safety", "health", "standards"),
    *("migration", "youth", "care"),
]
VOCABULARY = [f"{one}{two}{three}" for one in ("ba", "co", "du", "fi", "le") for two in "mnrst" for three in WORDS]
VOCABULARY += WORDS
RARITY = [1 / rank for rank in range(1, len(VOCABULARY) + 1)]
"""As in a language: few words are everywhere, most are rare. The real ones are among the rare."""

FLOOR = 50.0
"""p95 in milliseconds that no page may exceed."""


def content(number: int, dice: random.Random, areas: list[str], places: list[str], kinds: list[str]) -> Content:
    """An item such as a repository tells: two paragraphs, one to three languages."""
    languages = dice.sample(["en", "fr", "es"], dice.choice([1, 1, 2, 3]))
    about = " ".join(dice.choices(VOCABULARY, RARITY, k=60)).capitalize()
    kind = dice.choice(kinds)
    data = None
    if kind == "data_release":
        headline = tuple(Observation(place, "2025", 5.4, "2024", 6.1) for place in dice.sample(places[:200], 4))
        data = DataSummary("UNE", {"en": "Unemployment rate"}, headline=headline, new_count=120)
    return Content(
        kind=kind,
        source_language=languages[0],
        versions=tuple(Version(tag, f"{about[:60]} {number}", f"{about}.\n{about}.") for tag in languages),
        policy_areas=tuple(dice.sample(areas, dice.randint(1, 3))),
        places=tuple(dice.sample(places, dice.choice([0, 1, 1, 2, 4]))),
        authors=("Awa Diop", "Ana Gómez"),
        published_on=(END - timedelta(hours=6 * number)).date(),
        data=data,
    )


def fill(app: Application, count: int) -> None:
    """The catalogue, the oldest item first, five years of it; and a year of daily and weekly issues."""
    dice = random.Random(7)
    lists = app.codelists
    areas, kinds = (
        [area.code for area in lists.policy_areas],
        [kind.code for kind in lists.kinds if kind.code != "session"],
    )
    places = list(lists.places.places)
    for first in range(0, count, 500):
        with app.store.write() as tx:
            for number in range(min(count, first + 500), first, -1):
                place = count - (first + 500 - number) - first
                told = content(place, dice, areas, places, kinds)
                at = END - timedelta(hours=6 * place)
                id = tx.catalogue.add_item(told, embargo_until=None, correlation_id="c", now=at)
                numbers = tx.catalogue.next_sequences(len(told.versions))
                tx.catalogue.add_releases(
                    Release(one, id, version.language, at) for one, version in zip(numbers, told.versions, strict=True)
                )
                tx.catalogue.index(id, told, told.languages)
                tx.archive.list_item(id, told, at)
    with app.store.write() as tx:
        connection = tx.connection
        for back in range(365):
            day = (END - timedelta(days=back)).date()
            for cadence in ("daily", "weekly", *(["monthly"] if day.day <= 7 else [])):
                _issue(connection, cadence, day)


def _issue(connection: object, cadence: str, day: date) -> None:
    at = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    made = connection.execute(insert(editions), {"digest": "letter", "cadence": cadence, "occasion": day.isoformat()})  # type: ignore[attr-defined]
    told = {"edition_id": made.inserted_primary_key[0], "state": "finished", "approval": "standing", "recipients": 9}
    told |= {"correlation_id": "c", "planned_at": at, "started_at": at}
    connection.execute(insert(mailings), [told | {"due_at": at + timedelta(hours=hour)} for hour in range(0, 24, 3)])  # type: ignore[attr-defined]


@contextmanager
def application(postgres: bool) -> Iterator[Application]:
    """Tribune over a store of this measurement's own."""
    digests = {"letter": Digest(names={"en": "Letter"}, sender="letter@observatory.example")}
    with tempfile.TemporaryDirectory() as folder:
        if not postgres:
            store = Store(url=f"sqlite:///{folder}/bench.sqlite3")
            app = Application(Settings(data_dir=Path(folder), store=store, digests=digests), StoppedClock(END))
            app.prepare()
            yield app
            app.close()
            return
        from bench.postgres_world import application as over
        from bench.postgres_world import server
        from tribune.store.migrate import migrate

        with server() as running:
            app = over(running.url(), Path(folder))
            migrate(app.store.engine)
            yield app
            app.close()


def pages(app: Application, items: int) -> list[tuple[str, list[str]]]:
    """What is measured: a name, and addresses that are asked in turn."""
    dice = random.Random(3)
    areas = [area.code for area in app.codelists.policy_areas]
    with app.store.read() as tx:
        some = tx.archive.newest(Reading(("en",)), limit=20, offset=items // 2, order=Order.RELEASE)
    paths = [f"/en/items/{one.item_id}-{one.slug}" if one.slug else f"/en/items/{one.item_id}" for one in some]
    token = app.signer.sign(FEED, 1)
    return [
        ("home", ["/en/", "/fr/", "/es/"]),
        ("item", paths),
        ("list", ["/en/items", "/fr/items?page=2", "/es/items?page=5"]),
        ("list, page 500", [f"/en/items?page={min(500, items // 40)}"]),
        ("list, narrowed", [f"/fr/items?topic={dice.choice(areas)}&place=SEN&kind=report" for _ in range(9)]),
        ("search", ["/en/items?q=wages", "/en/items?q=informal+economy+777", "/en/items?q=care&place=002"]),
        ("topic", [f"/en/topics/{area}" for area in areas]),
        ("region", ["/en/places/002", "/fr/places/SEN", "/es/places/419"]),
        ("issues", ["/en/editions", "/en/editions?month=2026-06"]),
        ("issue, daily", [f"/en/editions/letter/daily/2026-11-{day:02}" for day in range(10, 28)]),
        ("issue, monthly", ["/en/editions/letter/monthly/2026-11-01", "/fr/editions/letter/monthly/2026-10-01"]),
        ("feed", ["/en/feed.atom", "/fr/feed.json", f"/es/feed.atom?topic={areas[3]}&place=SEN"]),
        ("own feed, ended", [f"/f/{token}.atom"]),
        ("sitemap, items", ["/sitemap-items-1.xml"]),
    ]


def measure(app: Application, items: int) -> int:
    """Ask for each page, and tell. 1 where a page is too slow."""
    from web.app import create_app

    slow = 0
    client = TestClient(create_app(app), base_url="http://127.0.0.1:8080", client=("127.0.0.1", 4321))
    for name, paths in pages(app, items):
        took, own, size = [], [], 0
        for turn in range(TIMES + len(paths)):
            path = paths[turn % len(paths)]
            start, processor = time.perf_counter(), time.process_time()
            answer = client.get(path)
            if answer.status_code not in (200, 410):
                raise SystemExit(f"{path}: {answer.status_code}")
            if turn >= len(paths):
                took.append((time.perf_counter() - start) * 1000)
                own.append((time.process_time() - processor) * 1000)
                size = max(size, len(answer.content))
        wall, busy = (sorted(times)[int(TIMES * 0.95) - 1] for times in (took, own))
        slow += min(wall, busy) > FLOOR and not name.startswith(("sitemap", "feed"))
        middle = sorted(took)[TIMES // 2]
        print(f"{name:18} median {middle:6.1f} ms  p95 {wall:6.1f} ms (own {busy:5.1f} ms)  {size / 1000:6.1f} kB")
    return int(slow > 0)


def main(items: int, postgres: bool) -> int:
    with application(postgres) as app:
        began = time.perf_counter()
        fill(app, items)
        seconds = time.perf_counter() - began
        print(f"{items:,} items listed in {seconds:.0f} s, {'PostgreSQL' if postgres else 'SQLite'}")
        slow = measure(app, items)
    print(f"peak memory  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    return slow


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(numbers[0] if numbers else ITEMS, "--postgres" in sys.argv))
