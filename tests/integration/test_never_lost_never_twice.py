"""Whatever comes in whatever order: each item reaches each person who asked for it once, and only once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.config import Digest, Settings, Store
from tribune.domain.audience import Choice, Fallback
from tribune.ports.clock import StoppedClock
from tribune.services.audience.unsubscribe import less_often, subscribe_again, unsubscribe

WAGES = Choice(policy_areas=frozenset({"wages"}))
ZONES = ("Africa/Dakar",)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("item"), st.sampled_from([("en",), ("fr",), ("en", "fr"), ("es",)]), st.booleans()),
        st.tuples(st.just("translate"), st.integers(0, 9), st.sampled_from(["en", "fr"])),
        st.tuples(st.just("reclassify"), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("plan"), st.sampled_from(["daily", "weekly", "monthly", "at_once"])),
        st.tuples(st.just("slower"), st.integers(0, 5)),
        st.tuples(st.just("away"), st.integers(0, 5)),
    ),
    min_size=3,
    max_size=14,
)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("never")


def new_world(folder: Path) -> World:
    path = folder / "never.sqlite3"
    for file in folder.glob("never.sqlite3*"):
        file.unlink()
    app = Application(
        Settings(
            data_dir=folder,
            store=Store(url=f"sqlite:///{path}"),
            digests={"letter": Digest(names={"en": "Letter"}, sender="l@observatory.example")},
        ),
        StoppedClock(START),
    )
    app.prepare()
    return World(app)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_once_and_only_once(fresh: Path, told: list[tuple[object, ...]]) -> None:
    world = new_world(fresh)
    # Everybody here has a subscription that takes anything: so everything must come to each of them in the end.
    people = [
        world.person("daily"),
        world.person(("daily", WAGES), "weekly", languages=("fr", "en")),
        world.person("at_once", ("daily", WAGES), languages=("fr",)),
        world.person(("weekly", WAGES), "monthly", languages=("fr",), fallback=Fallback.OMIT),
        world.person(("at_once", WAGES), ("daily", WAGES), "monthly", languages=("en", "fr"), fallback=Fallback.OMIT),
        world.person("weekly", languages=("es", "en"), fallback=Fallback.OMIT),
    ]
    reads = [("en", "fr", "es"), ("en", "fr", "es"), ("en", "fr", "es"), ("fr",), ("en", "fr"), ("es", "en")]
    items: dict[int, set[str]] = {}
    corrected: set[int] = set()
    got: Counter[tuple[int, int]] = Counter()
    hours = 0

    def plan(cadence: str) -> None:
        nonlocal hours
        hours += 30
        for person, content in world.mails(world.plan(cadence, START + timedelta(hours=hours), zones=ZONES)).items():
            got.update((person, key.item) for key in content.fragments)

    for what, *more in told:
        number = more[0] if isinstance(more[0], int) else 0
        if what == "item":
            languages = more[0]
            assert isinstance(languages, tuple)
            items[world.item(*languages, areas=("wages",) if more[1] else ())] = set(languages)
        elif what == "plan":
            plan(str(more[0]))
        elif what in ("translate", "reclassify") and items:
            item = list(items)[number % len(items)]
            if what == "reclassify":
                world.reclassify(item, ("wages",) if more[1] else ())
                corrected.add(item)
            elif str(more[1]) not in items[item]:
                world.release(item, str(more[1]))
                items[item].add(str(more[1]))
        elif what in ("slower", "away"):
            at = START + timedelta(hours=hours)
            with world.app.store.write() as tx:
                if what == "slower":
                    less_often(tx, people[number], world.digest(), world.app.codelists, at)
                else:
                    unsubscribe(tx, people[number], "letter", at)
                    subscribe_again(tx, people[number], "letter", timedelta(days=30), at)
        assert max(got.values(), default=1) == 1, "never twice"
    for _ in range(2):  # the daily cap of at once puts things off to a daily mail, or to another day
        for cadence in ("at_once", "daily", "weekly", "monthly"):
            plan(cadence)
    assert max(got.values(), default=1) == 1, "never twice"
    lost = {
        (person, item)
        for person, mine in zip(people, reads, strict=True)
        for item, languages in items.items()
        # A correction is no release: a cadence that passed an item over does not turn back for it.
        if item not in corrected and languages & set(mine) and not got[person, item]
    }
    assert not lost
    world.app.close()
