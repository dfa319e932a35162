"""Tags that a file tells of people: given to who is taken in, never taken away, and counted as a change."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.domain.imports import Basis, BasisKind, Import
from tribune.services.audience.export_subscribers import export_subscribers
from tribune.services.audience.import_report import Report
from tribune.services.audience.import_subscribers import Columns, import_subscribers
from tribune.services.audience.unsubscribe import unsubscribe

pytestmark = pytest.mark.both_stores

BASIS = Basis(BasisKind.TRANSFER, "the former system")
FRENCH = "courriel,langue,fuseau horaire,fréquence,étiquettes"
AS_THE_FILE_SAYS = Columns()
HEADER = "address,languages,zone,cadence,tags"
AWA, BINTA = "awa@travail.example,fr,UTC,weekly,", "binta@travail.example,fr,UTC,weekly,"


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def take(
    world: World,
    folder: Path,
    *rows: str,
    header: str = HEADER,
    dry_run: bool = False,
    columns: Columns = AS_THE_FILE_SAYS,
) -> tuple[Import, dict[str, str]]:
    """What came of it, and of each row: its number -> the outcome that the report tells."""
    file, report = folder / "people.csv", folder / "report.csv"
    file.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    app = world.app
    report.unlink(missing_ok=True)
    with Report(report) as told:
        done = import_subscribers(
            *(app.store, app.clock, file, app.digests, app.codelists),
            basis=BASIS,
            dry_run=dry_run,
            columns=columns,
            report=told,
        )
    lines = csv.reader(io.StringIO(report.read_text(encoding="utf-8-sig")))
    return done, {row[0]: row[1] for row in lines if row[0] != "row"}


def tags(world: World) -> dict[str, set[str]]:
    with world.app.store.read() as tx:
        people = {person.id: person.address for person in tx.audience.everyone()}
        kept = tx.segments.tags_of(people)
    return {people[id]: told for id, told in kept.items()}


def test_who_is_taken_in_gets_the_tags_of_their_rows(world: World, tmp_path: Path) -> None:
    _, rows = take(world, tmp_path, AWA + "Jury | g20-alumni", BINTA)
    assert set(rows.values()) == {"new"}
    assert tags(world) == {"awa@travail.example": {"jury", "g20-alumni"}}


def test_a_tag_more_is_a_change_and_the_same_again_is_none(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, AWA, BINTA)
    done, rows = take(world, tmp_path, AWA + "jury", BINTA, dry_run=True)
    assert ((done.changed, done.unchanged), rows) == ((1, 1), {"2": "changed", "3": "unchanged"})
    assert tags(world) == {}, "a dry run only says so"
    done, rows = take(world, tmp_path, AWA + "jury", BINTA)
    assert ((done.changed, done.unchanged), rows) == ((1, 1), {"2": "changed", "3": "unchanged"})
    assert dict(done.outcomes) | {"refused": 0} == {"changed": 1, "unchanged": 1, "refused": 0}
    done, rows = take(world, tmp_path, AWA, BINTA)
    assert (done.changed, done.unchanged) == (0, 2)
    assert tags(world) == {"awa@travail.example": {"jury"}}, "an empty cell takes none away"
    done, _ = take(world, tmp_path, AWA + "jury", BINTA)
    assert (done.changed, done.unchanged) == (0, 2)


def test_rows_of_one_person_add_up(world: World, tmp_path: Path) -> None:
    daily = AWA.replace("weekly", "daily")
    done, _ = take(world, tmp_path, AWA + "jury", daily + "g20-alumni|jury")
    assert (done.added, tags(world)) == (1, {"awa@travail.example": {"jury", "g20-alumni"}})
    done, rows = take(world, tmp_path, AWA, daily + "new-one")
    assert (done.changed, done.unchanged, rows) == (1, 0, {"2": "changed", "3": "changed"})


def test_what_is_no_tag_is_refused_with_its_row(world: World, tmp_path: Path) -> None:
    done, rows = take(world, tmp_path, AWA + "two words", BINTA + "x" * 61)
    assert set(rows.values()) == {"refused"}
    assert {(one.column, one.reason) for one in done.refusals} == {("tags", "This is not a tag.")}


def test_of_who_is_never_mailed_or_has_left_nothing_is_said(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, AWA, BINTA)
    with world.app.store.write() as tx:
        awa = tx.audience.by_address("awa@travail.example")
        assert awa is not None
        unsubscribe(tx, awa.id, None, world.app.clock.now())
        tx.audience.suppress("binta@travail.example", "complaint", world.app.clock.now())
    _, rows = take(world, tmp_path, AWA + "jury", BINTA + "jury")
    assert set(rows.values()) == {"suppressed"}
    assert tags(world) == {}


def test_a_column_goes_by_its_name_and_everybody_may_get_one(world: World, tmp_path: Path) -> None:
    take(
        world,
        tmp_path,
        AWA + "jury",
        BINTA,
        header="courriel;langue;fuseau horaire;fréquence;étiquettes".replace(";", ","),
    )
    assert tags(world) == {"awa@travail.example": {"jury"}}
    every = Columns(defaults={"tags": "conference-2026"})
    bare = "address,languages,zone,cadence"
    done, _ = take(world, tmp_path, AWA[:-1], BINTA[:-1], header=bare, columns=every)
    assert done.changed == 2
    assert tags(world)["binta@travail.example"] == {"conference-2026"}


def test_an_export_has_the_tags_and_changes_nothing_when_it_comes_back(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, AWA + "jury|g20-alumni", AWA.replace("weekly", "daily"), BINTA)
    text = io.StringIO(newline="")
    with world.app.store.read() as tx:
        assert export_subscribers(tx, text) == 2
    told = {(row["address"], row["tags"]) for row in csv.DictReader(io.StringIO(text.getvalue()[1:]))}
    assert told == {("awa@travail.example", "g20-alumni|jury"), ("binta@travail.example", "")}
    header, *rows = text.getvalue()[1:].splitlines()
    done, _ = take(world, tmp_path, *rows, header=header)
    assert (done.added, done.changed, done.unchanged, done.refused) == (0, 0, 2, 0)
