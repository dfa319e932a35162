"""`tribune items` and `tribune search`, as an operator uses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.catalogue_house import FEED, HAND, House, at_hour, record
from tribune import cli
from tribune.bootstrap import Application
from tribune.domain.items import LanguageVersion, Withdrawal


@pytest.fixture
def house(app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("TRIBUNE_STORE__URL", app.settings.store.url)
    monkeypatch.setenv("TRIBUNE_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return House(app)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints; errors too."""
    try:
        cli.main(list(arguments))
    except SystemExit as left:
        told = capsys.readouterr()
        assert left.code == (1 if told.err else 0), told.err
        return told.out + told.err
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(run(capsys, *arguments, "--json"))


def test_items_are_listed_with_their_state(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert "The catalogue is empty" in run(capsys, "items", "list")
    house.tell(FEED, record("a", "en fr"))
    house.tell(HAND, record("b", "fr", embargo_until=at_hour(9)))
    house.tell(FEED, record("c"))
    house.tell(FEED, Withdrawal("c", "wrong"), 2)
    told = run(capsys, "items", "list")
    assert "3 of 3 items" in told
    for word in ("released 2026-11-23", "embargo until 2026-11-23 09:00 UTC", "withdrawn", "en fr"):
        assert word in told
    assert [item["id"] for item in as_json(capsys, "items", "list", "--limit", "1")] == [3]


def test_one_item_is_shown_with_its_records(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.tell(FEED, record("a", "en fr", "10.5555/a", policy_areas=("wages",), places=("SEN",)))
    told = run(capsys, "items", "show", "1")
    for word in ("a in fr", "Wages", "Senegal", "10.5555/a", "/sources/feed a, revision 1", "number 2"):
        assert word in told
    assert as_json(capsys, "items", "show", "1")["records"][0]["record"] == "a"


def test_markup_in_a_title_is_only_text(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.tell(FEED, record("a", versions=(LanguageVersion("en", "[red]Wages[/red] [/nonsense]"),)))
    for command in (["items", "list"], ["items", "show", "1"], ["search", "wages"]):
        assert "[red]Wages[/red] [/nonsense]" in run(capsys, *command)


def test_the_history_tells_why(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.tell(FEED, record("a"))
    house.tell(FEED, Withdrawal("a", "Published too early"), 2)
    told = run(capsys, "items", "history", "1")
    assert "created" in told
    assert "Published too early" in told
    assert [entry["change"] for entry in as_json(capsys, "items", "history", "1")] == ["created", "withdrawn"]


def test_an_item_that_is_not_there_is_said_in_words(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("show", "history"):
        assert "There is no item 7." in run(capsys, "items", command, "7")


def test_what_maps_to_no_policy_area_is_listed(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Every item maps to a policy area" in run(capsys, "items", "unmapped")
    house.tell(FEED, record("a", categories=("Robotics",)))
    house.tell(FEED, record("b", policy_areas=("wages",), categories=("Robotics", "Drones")))
    told = as_json(capsys, "items", "unmapped")
    assert [item["id"] for item in told["items"]] == [1]
    assert told["categories"] == [
        {"category": "Robotics", "items": 2, "newest": 2, "without_area": 1},
        {"category": "Drones", "items": 1, "newest": 2, "without_area": 0},
    ]
    assert "Robotics" in run(capsys, "items", "unmapped")
    assert "0 items changed" in run(capsys, "items", "recode")


def test_searching(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.tell(FEED, record("a", versions=(LanguageVersion("fr", "La santé au travail"),), kind="brief"))
    assert "La santé au travail" in run(capsys, "search", "sante", "travail", "--language", "fr")
    assert "Nothing was found." in run(capsys, "search", "sante", "--kind", "report")
    assert as_json(capsys, "search", "sante", "--kind", "briefs")[0]["language"] == "fr"
    assert "is not a kind" in run(capsys, "search", "sante", "--kind", "breif")
    assert "'xx' is not a language" in run(capsys, "search", "sante", "--language", "xx")
