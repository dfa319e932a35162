"""`tribune segments` as an operator uses it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.integration.test_subscribers_command import house, run, write

__all__ = ["house"]

PEOPLE = (
    "m@travail.sn,Ministère,government,fr|en,Africa/Dakar,wages,weekly,monday,8",
    "s@union.pe,Sindicato,workers,es,America/Lima,,daily,,8",
    "p@press.fr,Presse,media,fr,Europe/Paris,wages,daily,,8",
)
FRENCH = {"who": {"all": [{"reads": {"any_of": ["fr"]}}, {"none": [{"tags": ["press"]}]}]}}


def out(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints."""
    capsys.readouterr()
    assert run("segments", *words) == 0
    return capsys.readouterr().out


def wrong(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that fails says."""
    capsys.readouterr()
    assert run("segments", *words) == 1
    return capsys.readouterr().err


@pytest.fixture
def people(house: Path) -> Path:
    assert run("subscribers", "import", str(write(house, *PEOPLE)), "--basis", "transfer", "--source", "a test") == 0
    return house


def rule(folder: Path, told: object, name: str = "french-readers.json") -> str:
    file = folder / name
    file.write_text(json.dumps(told), encoding="utf-8")
    return str(file)


def test_from_a_file_to_the_people(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "There is no segment yet" in out(capsys, "list")
    file = rule(people, FRENCH)
    assert out(capsys, "count", file) == "2 people, 2 of whom can be mailed now\n", "tried, not saved"
    assert out(capsys, "save", file, "--name", "Readers of French") == "french-readers saved, version 1.\n"
    assert out(capsys, "save", file) == "french-readers is like that already (version 1).\n"
    assert out(capsys, "tag", "press", "3") == "1 of 1 tagged press.\n"
    assert out(capsys, "tags") == "press  1\n"
    assert out(capsys, "count", "french-readers") == "1 people, 1 of whom can be mailed now\n"
    assert out(capsys, "sample", "french-readers") == (
        "1  government; reads fr, en; active; never mailed; never seen\n"
    )
    assert out(capsys, "untag", "press", "3", "2") == "press taken from 1 of 2.\n"
    assert "Readers of French (version 1" in out(capsys, "list")


def test_why_somebody_is_in_it(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out(capsys, "save", rule(people, FRENCH))
    out(capsys, "tag", "press", "3")
    told = out(capsys, "why", "french-readers", "3")
    assert told.splitlines() == [
        "This person is not in the segment: the conditions do not hold.",
        "no  All of this is true:",
        "  yes They read this language: French. (They read: French)",
        "  no  None of this is true:",
        "    yes They bear this tag: press. (Their tag: press)",
    ]
    assert "This person is in the segment" in out(capsys, "why", "french-readers", "1")
    run("subscribers", "unsubscribe", "1")
    assert "A mailing does not reach them now: unsubscribed." in out(capsys, "why", "french-readers", "1")
    assert "There is no subscriber 99" in wrong(capsys, "why", "french-readers", "99")


def test_what_is_shown_can_be_saved_again(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out(capsys, "save", rule(people, FRENCH), "--description", "For the meeting")
    shown = out(capsys, "show", "french-readers")
    assert "For the meeting" in shown
    assert "- They read this language: French." in shown
    assert "by cli" in shown
    told = json.loads(out(capsys, "show", "french-readers", "--json"))
    jsonschema.validate(told, json.loads(out(capsys, "schema")))
    assert "like that already" in out(capsys, "save", rule(people, told, "again.json"), "--slug", "french-readers")


def test_a_rule_that_is_wrong_is_refused_with_its_places(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"who": {"all": [{"group": ["goverment"]}, {"seen": {"within_days": 0}}]}}
    said = wrong(capsys, "save", rule(people, told))
    assert "who.all[0].group[0]: 'goverment' is not a group. Did you mean government (Government)?" in said
    assert "who.all[1].seen.within_days: 0 is not a number of days." in said
    assert "There is no such file" in wrong(capsys, "save", "nowhere.json")
    broken = people / "broken.json"
    broken.write_bytes(b'{"who": "\xff"}')
    assert "not UTF-8" in wrong(capsys, "count", str(broken))


def test_archived_and_back(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out(capsys, "save", rule(people, FRENCH))
    assert out(capsys, "archive", "french-readers") == "french-readers is archived.\n"
    assert "There is no segment yet" in out(capsys, "list")
    assert "french-readers" in out(capsys, "list", "--archived")
    assert "archived on" in out(capsys, "show", "french-readers")
    assert "is archived" in wrong(capsys, "save", rule(people, {"who": {"everyone": True}}))
    assert out(capsys, "archive", "french-readers", "--back") == "french-readers is in use again.\n"
    assert "Did you mean 'french-readers'" in wrong(capsys, "show", "french-reader")
