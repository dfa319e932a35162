"""`tribune schedule list`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.planned import add_people
from tribune import cli
from tribune.bootstrap import Application
from tribune.commands.schedule import in_words
from tribune.domain.audience import Cadence
from tribune.domain.schedule import Timing


@pytest.fixture
def config_file(app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a store with three people who have the letter daily at six in Dakar."""
    file = tmp_path / "tribune.toml"
    file.write_text(
        f"""
        data_dir = "{tmp_path}/var"
        [store]
        url = "{app.settings.store.url}"
        [digests.letter]
        names = {{ en = "The letter" }}
        sender = "letter@observatory.example"
        """
    )
    monkeypatch.setenv("TRIBUNE_CONFIG", str(file))
    with app.store.write() as tx:
        add_people(tx, 3)
        tx.schedules.ensure_cohorts("letter", [Timing(Cadence.DAILY, 0, 6, "Africa/Dakar")], app.clock.now())
        tx.schedules.ensure_cohorts(
            "letter", [Timing(Cadence.WEEKLY, 4, 6, "Asia/Tokyo")], app.clock.now()
        )  # nobody is there
    return file


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(["schedule", *words])
    return int(left.value.code or 0)


@pytest.mark.usefixtures("config_file")
def test_it_says_when_where_and_for_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["Digest", "Cadence", "Local", "time", "Zone", "UTC", "In", "People"]
    for part in ("letter", "daily", "Tue 2026-11-24 06:00", "Africa/Dakar", "2026-11-24 06:00", "3"):
        assert part in line


@pytest.mark.usefixtures("config_file")
def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--json", "--digest", "letter") == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["due_at"] == datetime(2026, 11, 24, 6, 0, tzinfo=UTC).isoformat()
    assert (told["occasion"], told["zone"], told["people"]) == ("2026-11-24", "Africa/Dakar", 3)


@pytest.mark.usefixtures("config_file")
def test_an_unknown_digest_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--digest", "leter") == 1
    assert "There is no digest 'leter'. Digests are: letter." in capsys.readouterr().err


def test_nobody_yet(app: Application, config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with app.store.write() as tx:
        assert tx.schedules.forget_deserted() == 1
        tx.connection.exec_driver_sql("DELETE FROM rhythms")
    assert run("list") == 0
    assert "Nothing is due" in capsys.readouterr().out


def test_waits_in_words() -> None:
    assert in_words(timedelta(days=3, hours=4, minutes=5)) == "3 d 4 h"
    assert in_words(timedelta(hours=1, minutes=30)) == "1 h 30 min"
    assert in_words(timedelta(seconds=20)) == "< 1 min"
    assert in_words(timedelta(seconds=-1)) == "now"
