"""Whatever comes in whatever order: each item reaches each person who asked for it once, and only once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import scheduler
from consumers import mailings
from consumers.loop import Drain
from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.config import Digest, Planning, Settings, Store
from tribune.domain.audience import Choice, Fallback
from tribune.ports.clock import StoppedClock
from tribune.services.audience.change_subscribers import ensure_cohorts
from tribune.services.audience.unsubscribe import less_often, subscribe_again, unsubscribe
from tribune.services.planning.plan_edition import Planned
from tribune.services.planning.wait_for_at_once import wait_for_at_once

WAGES = Choice(policy_areas=frozenset({"wages"}))
MONTHS_END = 24 * 36
"""Hours within which everybody's slowest mail has come."""

steps = st.lists(
    st.one_of(
        st.tuples(st.just("item"), st.sampled_from([("en",), ("fr",), ("en", "fr"), ("es",)]), st.booleans()),
        st.tuples(st.just("translate"), st.integers(0, 9), st.sampled_from(["en", "fr"])),
        st.tuples(st.just("reclassify"), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("time"), st.sampled_from([1, 1, 30, 170])),
        st.tuples(st.just("slower"), st.integers(0, 6)),
        st.tuples(st.just("away"), st.integers(0, 6)),
    ),
    min_size=3,
    max_size=14,
)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("never")


class Days:
    """A world in which time passes: only the scheduler's ticks say what is due."""

    def __init__(self, folder: Path) -> None:
        path = folder / "never.sqlite3"
        for file in folder.glob("never.sqlite3*"):
            file.unlink()
        self.clock = StoppedClock(START)
        self.app = Application(
            Settings(
                data_dir=folder,
                store=Store(url=f"sqlite:///{path}"),
                digests={"letter": Digest(names={"en": "Letter"}, sender="l@observatory.example")},
                planning=Planning(at_once_daily_cap=1),
            ),
            self.clock,
        )
        self.app.prepare()
        self.world = World(self.app)
        self.got: Counter[tuple[int, int]] = Counter()
        self._planning = Drain([mailings.consumer(self.app)], self.app)
        self._seen = 0

    def begin(self) -> None:
        """Give everybody's rhythms their schedules."""
        with self.app.store.write() as tx:
            ensure_cohorts(tx, list(tx.audience.everyone()), self.clock.now())

    def released(self, item: int) -> None:
        """What the consumer group `digests` does of a release."""
        now, rules = self.clock.now(), self.app.rules
        with self.app.store.write() as tx:
            wait_for_at_once(tx, item, self.app.digests.values(), rules.at_once_wait, now, now)

    def passes(self, hours: int) -> None:
        end = self.clock.now() + timedelta(hours=hours)
        while self.clock.now() < end:
            due = scheduler.next_due(self.app)
            self.clock.set(end if due is None else min(end, max(due, self.clock.now())))
            scheduler.tick(self.app)
            self._planning()
        with self.app.store.read() as tx:
            new = [mailing for mailing in tx.ledger.mailings(limit=1_000) if mailing.id > self._seen]
        for mailing in new:
            self._seen = max(self._seen, mailing.id)
            for person, content in self.world.mails(Planned(mailing.id)).items():
                self.got.update((person, key.item) for key in content.fragments)
        assert max(self.got.values(), default=1) == 1, "never twice"

    def close(self) -> None:
        self._planning.__exit__()
        self.app.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([("item", ("en",), True), ("time", 1), ("item", ("fr",), False)])  # the second one is beyond the cap
@example([("item", ("en",), True), ("time", 1), ("item", ("en",), True), ("time", 1), ("slower", 6)])
@given(steps)
def test_once_and_only_once(fresh: Path, told: list[tuple[object, ...]]) -> None:
    days = Days(fresh)
    world, clock, got = days.world, days.clock, days.got
    # Everybody here has a subscription that takes anything: so everything must come to each of them in the end.
    people = [
        world.person("daily"),
        world.person(("daily", WAGES), "weekly", languages=("fr", "en")),
        world.person("at_once", ("daily", WAGES), languages=("fr",)),
        world.person(("weekly", WAGES), "monthly", languages=("fr",), fallback=Fallback.OMIT),
        world.person(("at_once", WAGES), ("daily", WAGES), "monthly", languages=("en", "fr"), fallback=Fallback.OMIT),
        world.person("weekly", languages=("es", "en"), fallback=Fallback.OMIT),
        world.person("at_once", ("weekly", WAGES)),
    ]
    anything = ("en", "fr", "es")
    reads = [anything, anything, anything, ("fr",), ("en", "fr"), ("es", "en"), anything]
    items: dict[int, set[str]] = {}
    corrected: set[int] = set()
    days.begin()

    for what, *more in told:
        number = more[0] if isinstance(more[0], int) else 0
        if what == "item":
            languages = more[0]
            assert isinstance(languages, tuple)
            item = world.item(*languages, areas=("wages",) if more[1] else (), at=clock.now())
            items[item] = set(languages)
            days.released(item)
        elif what == "time":
            days.passes(number)
        elif what in ("translate", "reclassify") and items:
            item = list(items)[number % len(items)]
            if what == "reclassify":
                world.reclassify(item, ("wages",) if more[1] else ())
                corrected.add(item)
            elif str(more[1]) not in items[item]:
                world.release(item, str(more[1]), clock.now())
                days.released(item)
                items[item].add(str(more[1]))
        elif what in ("slower", "away"):
            at = clock.now()
            with world.app.store.write() as tx:
                if what == "slower":
                    less_often(tx, people[number], world.digest(), world.app.codelists, at)
                else:
                    unsubscribe(tx, people[number], "letter", at)
                    subscribe_again(tx, people[number], "letter", timedelta(days=365), at)
    days.passes(MONTHS_END)
    lost = {
        (person, item)
        for person, mine in zip(people, reads, strict=True)
        for item, languages in items.items()
        # A correction is no release: a cadence that passed an item over does not turn back for it.
        if item not in corrected and languages & set(mine) and not got[person, item]
    }
    assert not lost
    days.close()
