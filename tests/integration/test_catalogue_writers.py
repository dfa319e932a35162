"""Several writers at once: numbers are given in order of commit, and records still join."""

from __future__ import annotations

import threading

import pytest

from tests.catalogue_house import FEED, OAI, House, record
from tribune.bootstrap import Application

pytestmark = pytest.mark.both_stores


def test_whoever_reads_on_from_the_last_number_misses_nothing(app: Application) -> None:
    house = House(app)
    names = [f"r{number}" for number in range(40)]
    seen: list[int] = []
    done = threading.Event()

    def write(source: str) -> None:
        for name in names:
            house.tell(source, record(name, "en" if source == FEED else "fr", f"10.5555/{name}"))

    def read() -> None:
        last = False
        while not last:
            last = done.is_set()
            with app.store.read() as tx:
                seen.extend(release.sequence for release in tx.catalogue.releases_after(seen[-1] if seen else 0))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(source,)) for source in (FEED, OAI)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert seen == list(range(1, 81))
    assert len(house.all()) == 40
    assert all(len(item.releases) == 2 for item in house.all())
