"""What a file of subscribers does not say: what somebody has who is there stays; what holds instead is for the new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.import_world import BASIS, DAKAR, HEADER, counts, person, status_row, take
from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Fallback, Status
from tribune.services.audience.import_subscribers import Columns, import_subscribers
from tribune.services.audience.unsubscribe import unsubscribe

pytestmark = pytest.mark.both_stores


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def test_a_file_of_addresses_alone_changes_nobodys_choices(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, DAKAR)
    before = person(world, "m@travail.sn").subscriptions
    header = "courriel,langue,fuseau horaire"
    rows = ("m@travail.sn,fr|en,Africa/Dakar", "n@travail.sn,fr,Africa/Dakar")
    assert counts(take(world, tmp_path, *rows, header=header)) == (1, 0, 1, 0)
    assert counts(take(world, tmp_path, "m@travail.sn,en,Africa/Accra", header=header)) == (0, 1, 0, 0)
    told = person(world, "m@travail.sn")
    assert (told.subscriptions, told.languages, told.zone) == (before, ("en",), "Africa/Accra")
    assert person(world, "n@travail.sn").subscriptions[0].choice == Choice()


def test_what_holds_where_a_file_says_nothing_holds_for_who_is_new(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, DAKAR)
    before = person(world, "m@travail.sn")
    told = {"digest": "letter", "cadence": "monthly", "hour": "17", "policy_areas": "child_labour"}
    rows = ("m@travail.sn,fr|en,Africa/Dakar", "n@travail.sn,fr,Africa/Dakar")
    assert counts(take(world, tmp_path, *rows, header="address,languages,zone", defaults=told)) == (1, 0, 1, 0)
    assert person(world, "m@travail.sn") == before
    new = person(world, "n@travail.sn")
    assert new.subscriptions[0].choice == Choice(frozenset({"child_labour"}))
    assert [(r.digest, r.cadence, r.hour) for r in new.rhythms] == [("letter", Cadence.MONTHLY, 17)]
    assert counts(take(world, tmp_path, *rows, header="address,languages,zone", defaults=told)) == (0, 0, 2, 0)
    facts = ("m@travail.sn,en,Africa/Accra", "n@travail.sn,fr,Africa/Dakar")
    assert counts(take(world, tmp_path, *facts, header="address,languages,zone", defaults=told)) == (0, 1, 1, 0)
    after = person(world, "m@travail.sn")
    assert (after.subscriptions, after.languages, after.zone) == (before.subscriptions, ("en",), "Africa/Accra")


def test_a_default_changes_nothing_of_who_somebody_is_who_is_there(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, DAKAR)
    before = person(world, "m@travail.sn")
    told = {"languages": "es", "zone": "America/Lima", "group": "workers", "fallback": "omit"}
    rows = ("m@travail.sn", "n@travail.sn", "n@travail.sn")
    done = take(world, tmp_path, *rows, header="address", defaults=told)
    assert (counts(done), done.rows) == ((1, 0, 1, 0), 3)
    assert person(world, "m@travail.sn") == before
    new = person(world, "n@travail.sn")
    facts = (("es",), "America/Lima", "workers", Fallback.OMIT)
    assert (new.languages, new.zone, new.group, new.fallback) == facts
    # A file that says what they want, and not who they are: the first changes, the second stays.
    assert counts(take(world, tmp_path, "m@travail.sn,daily", header="address,cadence", defaults=told)) == (0, 1, 0, 0)
    after = person(world, "m@travail.sn")
    assert [r.cadence for r in after.rhythms] == [Cadence.DAILY]
    assert (after.languages, after.zone, after.group, after.fallback) == (
        *(before.languages, before.zone, before.group, before.fallback),
    )


def test_no_default_ends_a_pause_or_unsubscribes(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, status_row("paused"), header=f"{HEADER},status")
    header = "address,languages,zone"
    for status in ("active", "unsubscribed"):
        done = take(world, tmp_path, "m@travail.sn,fr|en,Africa/Dakar", header=header, defaults={"status": status})
        assert (counts(done), person(world, "m@travail.sn").status) == ((0, 0, 1, 0), Status.PAUSED)


@pytest.mark.parametrize(("given", "lacking"), [("languages", "zone"), ("zone", "languages")])
def test_a_row_says_which_cell_no_default_fills(world: World, tmp_path: Path, given: str, lacking: str) -> None:
    told = {given: {"languages": "fr", "zone": "Africa/Dakar"}[given]}
    done = take(world, tmp_path, "m@travail.sn,,", header="address,languages,zone", defaults=told)
    assert [(r.column, r.reason) for r in done.refusals] == [(lacking, "The cell is empty.")]


def test_of_two_newsletters_the_one_of_a_default_is_for_who_is_new(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, DAKAR, DAKAR.replace("m@", "left@"))
    with world.app.store.write() as tx:
        unsubscribe(tx, 2, "letter", world.app.clock.now())
    before = person(world, "m@travail.sn")
    app = world.app
    digests = {**app.digests, "figures": replace(app.digests["letter"], id="figures")}
    file = tmp_path / "people.csv"
    rows = [f"{who}@travail.sn,fr|en,Africa/Dakar,g20" for who in ("m", "n", "left")]
    file.write_text("\n".join(["address,languages,zone,tags", *rows, ""]))
    for digest in ("figures", "letter"):
        told = Columns(defaults={"digest": digest})
        done = import_subscribers(app.store, app.clock, file, digests, app.codelists, basis=BASIS, columns=told)
        assert (done.added, done.refused) == (digest == "figures", 1)
        assert person(world, "m@travail.sn") == before
        assert person(world, "left@travail.sn").status is Status.UNSUBSCRIBED
        assert [r.digest for r in person(world, "n@travail.sn").rhythms] == ["figures"]
