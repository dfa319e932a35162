"""ILOSTAT's CSV, the comparison of releases, and the events that come of it."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tribune.bootstrap import Application
from tribune.codelists import load
from tribune.domain.errors import SourceError
from tribune.domain.items import ItemRecord, Observation, Revision
from tribune.ports.sources import SourceState
from tribune.services.sources.compare_releases import compare, rhythm, total_series
from tribune.services.sources.ilostat_source import Dataflow, IlostatSource
from tribune.services.sources.pull_sources import Pull, pull_source
from tribune.services.sources.read_ilostat import Table, first_indicator, read_ilostat
from tribune.store.releases import ReleaseFolder

HEAD = "ref_area,indicator,source,sex,classif1,time,obs_value,obs_status"
LABELS = {"en": "Unemployment rate", "fr": "Taux de chômage"}
Row = tuple[str, str, str, str]  # place, period, value, status


def text(rows: Iterable[Row], sex: str = "SEX_T", age: str = "AGE_YTHADULT_YGE15") -> str:
    lines = [f"{place},UNE_RT,BA:1,{sex},{age},{period},{value},{status}" for place, period, value, status in rows]
    return "\ufeff" + "\r\n".join([HEAD, *lines]) + "\r\n"


def read(content: str | bytes) -> Table:
    return read_ilostat(io.BytesIO(content.encode() if isinstance(content, str) else content), "x.csv")


# -- reading


def test_bom_statuses_missing_values_and_the_order_of_rows() -> None:
    rows = [
        ("SEN", "2020", "4.5", ""),
        ("FRA", "2021", "", "U"),
        ("FRA", "2020", "8.1", "B"),
        ("COL", "2020", "NaN", ""),
    ]
    table = read(text(rows))
    assert len(table) == 4 and table.areas == ("COL", "FRA", "SEN") and table.periods == ("2020", "2021")
    assert table.series == ("UNE_RT|SEX_T|AGE_YTHADULT_YGE15",) and table.indicators == ("UNE_RT",)
    assert int(np.isnan(table.value).sum()) == 2 and set(table.statuses) == {"", "B", "U"}
    assert read(text(rows[::-1])).to_bytes() == table.to_bytes(), "the order of the file does not matter"
    assert read(gzip.compress(text(rows).encode())).to_bytes() == table.to_bytes()


def test_the_survey_is_not_part_of_the_key() -> None:
    other = text([("SEN", "2020", "4.5", "")]).replace("BA:1", "BB:9")
    assert not compare(read(text([("SEN", "2020", "4.5", "")])), read(other))


def test_a_snapshot_comes_back_as_it_was() -> None:
    table = read(text([("SEN", "2020", "4.5", ""), ("FRA", "2021", "", "U")]))
    again = Table.from_bytes(table.to_bytes())
    assert again is not None and again.to_bytes() == table.to_bytes() and not compare(table, again)
    assert Table.from_bytes(b"nonsense") is None


def test_odd_rows_are_counted_and_passed_over() -> None:
    content = (
        text([("SEN", "2020", "4.5", ""), ("SEN", "2020", "4.6", ""), ("FRA", "2020", "many", "")])
        + "short,row\r\n\r\n"
    )
    table = read(content)
    assert len(table) == 2 and 4.6 in table.value
    assert table.problems == (
        "1 observation stands twice; the last counts.",
        "1 row does not fit the header.",
        "1 value is not numeric.",
    )


def test_the_data_apis_answer_with_labels_beside_codes() -> None:
    head = "ref_area,ref_area.label,source,source.label,indicator,indicator.label,sex,sex.label,time,obs_value"
    row = "SEN,Senegal,BA:1,LFS,UNE_RT,Unemployment rate (%),SEX_T,Total,2020,4.5"
    table = read(f"{head}\n{row}\n")
    assert (table.series, table.labels) == (("UNE_RT|SEX_T",), ("Unemployment rate (%)",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "columns ref_area"),
        (HEAD + "\n", "no observations"),
        ("<html><body>Service unavailable</body></html>", "missing"),
        ("ref_area.label,time,obs_value\nSenegal,2020,1\n", "type=code"),
        (
            gzip.compress(text([("SEN", str(n), "1", "") for n in range(999)]).encode())[:-9],
            "compressed file is broken",
        ),
        (text([]).encode() + b"\xff\xfe,,\n", "not UTF-8"),
        (HEAD + "\n" + "x" * (1 << 21), "too large"),
    ],
)
def test_what_is_not_ilostats_csv_is_told(content: str | bytes, said: str) -> None:
    with pytest.raises(SourceError) as error:
        read(content)
    assert said in str(error.value)


def test_the_total_series_is_both_sexes_and_all_ages() -> None:
    series = [f"I|{sex}|{age}" for sex in ("SEX_F", "SEX_T") for age in ("AGE_YTHADULT_Y15-24", "AGE_YTHADULT_YGE15")]
    assert series[total_series(series)] == "I|SEX_T|AGE_YTHADULT_YGE15"
    assert total_series(["I"]) == 0
    more = ["I|SEX_T|AGE_5YRBANDS_TOTAL|EDU_X", "I|SEX_T|AGE_5YRBANDS_TOTAL|EDU_AGGREGATE_TOTAL"]
    assert total_series(more) == 1


def test_rhythms_of_periods() -> None:
    assert [rhythm(period) for period in ("2020", "2020Q1", "2020M01", "2020-Q3")] == ["A", "Q", "M", "Q"]


# -- comparing

cells = st.dictionaries(
    st.tuples(st.sampled_from(["SEN", "FRA", "COL"]), st.sampled_from(["2019", "2020", "2021"])),
    st.sampled_from(["1", "2.5", "", "3"]),
    min_size=1,
    max_size=9,
)


@given(cells, cells)
@hypothesis_settings(max_examples=150, deadline=None)
def test_the_comparison_is_that_of_two_dictionaries(
    old: dict[tuple[str, str], str], new: dict[tuple[str, str], str]
) -> None:
    before = {key: float(value) for key, value in old.items() if value}
    after = {key: float(value) for key, value in new.items() if value}
    a, b = (read(text((p, t, v, "") for (p, t), v in cells.items())) for cells in (old, new))
    changes = compare(a, b)

    def keys(table: Table, rows: Iterable[int]) -> set[tuple[str, str]]:
        return {(table.areas[table.area[row]], table.periods[table.period[row]]) for row in rows}

    assert keys(b, changes.new) == after.keys() - before.keys()
    assert keys(b, changes.revised) == {key for key in after.keys() & before.keys() if after[key] != before[key]}
    assert keys(a, changes.removed) == before.keys() - after.keys()


# -- as a source


@pytest.fixture
def house(app: Application, tmp_path: Path) -> House:
    return House(app, tmp_path)


class House:
    """Pulls releases one after the other."""

    def __init__(self, app: Application, folder: Path, **told: object) -> None:
        self.app = app
        self.folder = folder
        self.shelf = ReleaseFolder(app.settings.data_dir / "releases")
        self.dataflow = Dataflow(labels=LABELS, policy_areas=("labour_statistics",), headline_places=("SEN",))

    def pull(self, content: str, *, dry_run: bool = False, accept_loss: bool = False) -> list[tuple[str, ItemRecord]]:
        pull = self.attempt(content, dry_run=dry_run, accept_loss=accept_loss)
        assert pull.error is None, pull.error
        from tribune.services.events.event_data import data_of

        return [(event.type, data_of(event, ItemRecord)) for event in pull.events]

    def attempt(self, content: str, *, dry_run: bool = False, accept_loss: bool = False) -> Pull:
        file = self.folder / "release.csv"
        file.write_text(content, encoding="utf-8")
        shelf = ReleaseFolder(self.app.settings.data_dir / "releases", read_only=dry_run)
        address = "https://a.example/x.csv.gz"
        source = IlostatSource("ilostat/une", address, self.dataflow, load(), shelf, file=file, accept_loss=accept_loss)
        return pull_source(source, self.app.store, self.app.clock, dry_run=dry_run)


BASE: list[Row] = [
    ("SEN", "2020", "4.5", ""),
    ("SEN", "2021", "4.0", ""),
    ("FRA", "2020", "8.0", ""),
    ("X01", "2020", "6.0", ""),
]


def test_a_first_load_is_one_item_without_a_flood(house: House) -> None:
    ((type, item),) = house.pull(text(BASE))
    assert type == "data.released" and item.kind == "data_release" and item.places == ()
    assert [(v.language, v.title) for v in item.versions] == [("en", "Unemployment rate"), ("fr", "Taux de chômage")]
    told = item.data
    assert told and told.first_load and (told.observations, told.new_count, told.new_places) == (4, 0, ())
    assert told.headline == (Observation("SEN", "2021", 4.0, "2020", 4.5), Observation("001", "2020", 6.0))
    assert house.pull(text(BASE)) == []


def test_a_release_tells_what_is_new_and_revised(house: House) -> None:
    ((_, first),) = house.pull(text(BASE))
    rows: list[Row] = [
        ("SEN", "2020", "4.5", ""),
        ("SEN", "2021", "4.2", ""),
        ("SEN", "2022", "3.9", ""),
        ("FRA", "2020", "8.0", ""),
        ("FRA", "2022", "7.0", ""),
        ("COL", "2022", "11.0", ""),
        ("NPL", "2022", "5.0", "U"),
    ]
    ((type, item),) = house.pull(text(rows))
    told = item.data
    assert type == "data.released" and item.record != first.record and told
    assert (told.new_count, told.revised_count, told.removed_count) == (4, 1, 1)
    assert (told.new_periods, told.new_places) == (("2022",), ("COL", "NPL"))
    assert item.places == ("COL", "FRA", "NPL", "SEN")
    assert [(o.place, o.value, o.previous_period, o.previous_value) for o in told.headline] == [
        ("SEN", 3.9, "2021", 4.2),
        ("FRA", 7.0, "2020", 8.0),
        ("COL", 11.0, None, None),
    ], "chosen places first, then the largest change; an unreliable figure is no headline"
    series = "UNE_RT|SEX_T|AGE_YTHADULT_YGE15"
    assert told.revisions == (Revision("SEN", "2021", 4.0, 4.2, series), Revision("001", "2020", 6.0, None, series))
    assert told.largest_revision == pytest.approx(0.2)


def test_a_break_in_the_series_is_not_compared_across(house: House) -> None:
    house.pull(text(BASE))
    ((_, item),) = house.pull(text([*BASE, ("SEN", "2022", "9.0", "B")]))
    assert item.data and item.data.headline == (Observation("SEN", "2022", 9.0),)


def test_a_correction_belongs_to_the_last_release(house: House) -> None:
    house.pull(text(BASE))
    second: list[Row] = [*BASE, ("SEN", "2022", "3.9", "")]
    ((_, released),) = house.pull(text(second))
    ((type, revised),) = house.pull(text([*BASE, ("SEN", "2022", "3.7", "")]))
    assert type == "data.revised" and revised.record == released.record
    told = revised.data
    assert told and (told.new_count, told.revised_count) == (0, 1) and not revised.new
    assert told.headline == (Observation("SEN", "2022", 3.7, "2021", 4.0),)
    ((type, back),) = house.pull(text(second))
    assert type == "data.revised" and back.record == released.record


def test_a_release_that_was_cut_short_is_refused_and_the_next_whole_one_is_no_news(house: House) -> None:
    house.pull(text(BASE))
    torso = house.attempt(text(BASE[:1]))
    assert torso.events == ()
    assert "has 1 observation, the last one had 4" in str(torso.error) and "--accept-loss" in str(torso.error)
    assert house.pull(text(BASE)) == []
    ((type, item),) = house.pull(text(BASE[:1]), accept_loss=True)
    assert type == "data.revised" and item.data and item.data.removed_count == 3
    ((type, item),) = house.pull(text(BASE))
    assert type == "data.released" and item.data and item.data.new_count == 3


def test_a_window_that_moves_on_is_no_loss(house: House) -> None:
    house.pull(text(BASE))
    moved = [(place, str(int(period) + 2), value, status) for place, period, value, status in BASE]
    ((_, item),) = house.pull(text(moved))
    assert item.data and (item.data.new_count, item.data.removed_count) == (4, 4)


def test_only_statuses_changed_is_no_news(house: House) -> None:
    house.pull(text(BASE))
    assert house.pull(text([(p, t, v, "E") for p, t, v, _ in BASE])) == []


def test_a_dry_run_leaves_no_trace(house: House) -> None:
    assert len(house.pull(text(BASE), dry_run=True)) == 1
    assert not (house.app.settings.data_dir / "releases").exists()


def test_a_lost_snapshot_is_told_and_floods_nobody(house: House) -> None:
    house.pull(text(BASE))
    for path in (house.app.settings.data_dir / "releases").iterdir():
        path.unlink()
    assert house.pull(text([*BASE, ("SEN", "2022", "3.9", "")])) == []
    ((_, item),) = house.pull(text([*BASE, ("SEN", "2022", "3.9", ""), ("SEN", "2023", "3.8", "")]))
    assert item.data and item.data.new_count == 1


def test_snapshots_that_nobody_names_go_after_a_day(house: House) -> None:
    folder = house.app.settings.data_dir / "releases"
    house.pull(text(BASE))
    house.pull(text([*BASE, ("SEN", "2022", "3.9", "")]))
    assert len(list(folder.iterdir())) == 2, "another process may be about to name one"
    (folder / "notes.txt").write_text("not ours")
    later = datetime.now(UTC) + timedelta(days=2)
    with house.app.store.read() as tx:
        states = tx.sources.all_states()
    IlostatSource("ilostat/une", "x", house.dataflow, load(), house.shelf).settle(states, later)
    assert len(list(folder.iterdir())) == 2
    assert house.pull(text([*BASE, ("SEN", "2022", "3.9", "")])) == []


def test_a_snapshot_is_whole_or_not_there(tmp_path: Path) -> None:
    shelf = ReleaseFolder(tmp_path)
    name = shelf.put(b"content")
    assert shelf.get(name) == b"content" and shelf.put(b"content") == name
    (tmp_path / name).write_bytes(b"damaged")
    assert shelf.get(name) is None
    assert shelf.put(b"content") == name and shelf.get(name) == b"content"
    assert shelf.get("../../etc/passwd") is None


def test_a_crash_after_the_snapshot_is_taken_up(house: House) -> None:
    source = IlostatSource("ilostat/une", "x", house.dataflow, load(), house.shelf, file=house.folder / "release.csv")
    (house.folder / "release.csv").write_text(text(BASE), encoding="utf-8")
    (reading,) = source.read(SourceState("ilostat/une"), house.app.clock.now())  # and then the process dies
    assert len(reading.told) == 1
    assert len(house.pull(text(BASE))) == 1


# -- the real files


@pytest.mark.parametrize(
    ("name", "rows", "with_value", "periods"),
    [
        ("SDG_0852_SEX_AGE_RT", 25_730, 25_662, 49),
        ("SDG_0861_SEX_RT", 6_262, 6_230, 48),
        ("SDG_A821_NOC_RT", 4_571, 4_571, 23),
    ],
)
def test_real_bulk_files(shared_data: Path, name: str, rows: int, with_value: int, periods: int) -> None:
    path = shared_data / "stats" / f"{name}_A.csv"
    with path.open("rb") as file:
        table = read_ilostat(file, name)
    assert (len(table), int((~np.isnan(table.value)).sum()), len(table.periods)) == (rows, with_value, periods)
    assert table.problems == () and table.indicators == (name,) and first_indicator(path) == name


def test_a_real_release_without_its_last_year(house: House, shared_data: Path) -> None:
    whole = (shared_data / "stats" / "SDG_0852_SEX_AGE_RT_A.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(whole)))
    last = max(row["time"] for row in rows)
    lines = whole.splitlines(keepends=True)
    shorter = lines[0] + "".join(line for line, row in zip(lines[1:], rows, strict=True) if row["time"] != last)
    house.dataflow = replace(house.dataflow, headline_places=())
    house.pull(shorter)
    ((type, item),) = house.pull(whole)
    expected = [row for row in rows if row["time"] == last and row["obs_value"]]
    known = {place.code for place in load().places.places.values()}
    told = item.data
    assert type == "data.released" and told and told.new_count == len(expected) and told.revised_count == 0
    assert told.new_periods == (last,)
    assert set(item.places) == {row["ref_area"] for row in expected} & known
    assert not item.places, "the last year is a projection for the world and its regions: of interest everywhere"
    total = {
        row["ref_area"]: float(row["obs_value"])
        for row in rows
        if (row["sex"], row["classif1"], row["time"]) == ("SEX_T", "AGE_YTHADULT_YGE15", last)
    }
    assert told.headline[0].value == total["X01"] and told.headline[0].place == "001"
    assert {one.place for one in told.headline} == {"001", "002", "019", "LIC", "LMC", "UMC", "HIC"}
